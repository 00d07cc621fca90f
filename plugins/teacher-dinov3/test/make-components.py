"""Writes fixtures/components.json: principal components of tokens by NumPy, which shares no code with src/show.

Made with numpy 2.4.6:

    python test/make-components.py
"""

import json
from pathlib import Path

import numpy as np

COUNT, CHANNELS = 90, 14

# Token t, channel c: sin(0.37 i) + 0.5 sin(0.011 i) with i = 14 t + c, times 1 + c / 3, as float32.
i = np.arange(COUNT * CHANNELS, dtype=np.float64)
tokens = ((np.sin(0.37 * i) + 0.5 * np.sin(0.011 * i)).reshape(COUNT, CHANNELS) * (1 + np.arange(CHANNELS) / 3)).astype(np.float32)


def components(values, centred):
    values = values.astype(np.float64)
    if centred:
        values = values - values.mean(axis=0)
    _, singular, rows = np.linalg.svd(values, full_matrices=False)
    largest = rows[np.arange(CHANNELS), np.abs(rows).argmax(axis=1)]
    vectors = rows * np.sign(largest)[:, None]
    return {"shares": (singular**2 / (singular**2).sum())[:5].tolist(), "vectors": vectors[:3].tolist()}


result = {
    "numpy": np.__version__,
    "centred": components(tokens, True),
    "plain": components(tokens, False),
    # Every third token is left out.
    "some": components(tokens[np.arange(COUNT) % 3 != 0], True),
}
target = Path(__file__).parent / "fixtures" / "components.json"
target.write_text(json.dumps(result) + "\n")
