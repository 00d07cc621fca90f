# Writes philox-vectors.json: blocks of Philox4x32-10 from an independent implementation.
#
#   python3 -m pip install "numpy==2.4.6" "randomgen==2.3.0" && python3 test/philox-vectors.py
import json
import pathlib

from randomgen import Philox

CASES = [
    ((0, 0, 0, 0), (0, 0)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0)),
    ((7, 0, 11, 13), (3, 5)),
    ((1, 0, 0, 0), (0xFFFFFFFF, 5)),
]


def block(counter, key):
    # randomgen counts up before it draws.
    number = (sum(word << (32 * index) for index, word in enumerate(counter)) - 1) % (1 << 128)
    generator = Philox(key=key[0] | key[1] << 32, counter=number, number=4, width=32)
    return [int(generator.random_raw()) & 0xFFFFFFFF for _ in range(4)]


vectors = [{"counter": counter, "key": key, "words": block(counter, key)} for counter, key in CASES]
pathlib.Path(__file__).with_name("philox-vectors.json").write_text(json.dumps(vectors, indent=2) + "\n")
