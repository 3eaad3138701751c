"""Reads texts as Python's configparser (as pip and twine set it up) and netrc do: JSON in, JSON out."""

import configparser
import io
import json
import netrc
import os
import sys
import tempfile


def ini(text):
    parser = configparser.RawConfigParser()
    try:
        # As a file opened in text mode is read: line ends of every system become one.
        parser.read_file(io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))
    except configparser.Error:
        return None
    own = [[name, parser._sections[name]] for name in parser.sections()]
    return [["DEFAULT", parser.defaults()], *own]


def read_netrc(text):
    handle, path = tempfile.mkstemp()
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
        found = netrc.netrc(path)
        return [sorted([name, *entry] for name, entry in found.hosts.items()), sorted(found.macros.items())]
    except netrc.NetrcParseError:
        return None
    finally:
        os.unlink(path)


questions = json.load(sys.stdin)
json.dump(
    {"ini": [ini(text) for text in questions["ini"]], "netrc": [read_netrc(text) for text in questions["netrc"]]},
    sys.stdout,
)
