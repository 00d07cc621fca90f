"""Answers JSON lines on standard input, one request a line, as lib/participant.mjs sends them."""

import json
import sys
import traceback


def status(field):
    """A field of /proc/self/status in MB, the interpreter and its libraries included."""
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
    return None


def serve(peer):
    """Calls the method of `peer` that each request names in `cmd`, until `exit`; an exception becomes `error`."""
    # Libraries print to stdout now and then; the replies keep the real one.
    replies, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        if request["cmd"] == "exit":
            break
        try:
            reply = getattr(peer, request["cmd"])(request)
        except Exception as error:
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
