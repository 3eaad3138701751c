"""Answers for differential-formats.test.ts: reads questions as JSON from standard input, writes what Python's own
libraries say to standard output. Leaves with status 3 where there is no recent enough `packaging`."""

import configparser
import email.parser
import importlib.metadata
import json
import sys

OLDEST = 26  # Before it, exclusive comparisons of specifiers differed from the specification.


def load():
    for prefix in ("packaging", "pip._vendor.packaging"):
        try:
            package = __import__(prefix, fromlist=["__version__"])
            if int(package.__version__.split(".")[0]) < OLDEST:
                continue
            names = ("licenses", "requirements", "specifiers", "utils", "version")
            return package.__version__, {n: __import__(f"{prefix}.{n}", fromlist=["x"]) for n in names}
        except ImportError:
            continue
    print(f"no Python packaging {OLDEST} or newer", file=sys.stderr)
    sys.exit(3)


VERSION, P = load()


def attempt(function, *arguments):
    try:
        return function(*arguments)
    except (ValueError, SyntaxError, KeyError):  # KeyError: packaging 26 trips over `LicenseRef-x+`
        return None


def normal_version(text):
    return str(P["version"].Version(text))


def order(pair):
    a, b = map(P["version"].Version, pair)
    return (a > b) - (a < b)


def contains(question):
    version, text = question
    wanted = P["specifiers"].SpecifierSet(text)
    found = P["version"].Version(version)
    return [wanted.contains(found, prereleases=p) for p in (None, False)]


def wheel(filename):
    name, version, build, tags = P["utils"].parse_wheel_filename(filename)
    return [name, str(version), "".join(map(str, build)), sorted(str(tag) for tag in tags)]


def sdist(filename):
    name, version = P["utils"].parse_sdist_filename(filename)
    return [name, str(version)]


def requirement(text):
    r = P["requirements"].Requirement(text)
    extras = sorted({P["utils"].canonicalize_name(extra) for extra in r.extras})
    specifiers = sorted({s.operator + s.version for s in r.specifier})
    return [P["utils"].canonicalize_name(r.name), extras, specifiers, r.url, r.marker is not None]


def message(text):
    def decode(value):
        return value.encode("ascii", "surrogateescape").decode("utf-8")

    parsed = email.parser.BytesParser().parsebytes(text.encode("utf-8"))
    headers = [[decode(name), decode(value)] for name, value in parsed.raw_items()]
    return [headers, decode(parsed._payload), len(parsed.defects)]


def entry_points(text):
    """As pip reads them, and as the library `installer` does."""
    try:
        read = importlib.metadata.EntryPoints._from_text(text)
        seen = [[point.group, point.name, point.value] for point in read]
    except TypeError:  # a line without `=`
        seen = None
    config = configparser.ConfigParser(delimiters="=", interpolation=None)
    config.optionxform = str
    try:
        config.read_string(text)
        configured = [[group, *item] for group in config.sections() for item in config.items(group)]
    except configparser.Error:
        configured = None
    return [seen, configured]


def license_expression(text):
    return P["licenses"].canonicalize_license_expression(text)


def name(text):
    return P["utils"].canonicalize_name(text, validate=True)


ANSWERS = {
    "contains": contains,
    "entryPoints": entry_points,
    "licenses": license_expression,
    "messages": message,
    "names": name,
    "orders": order,
    "requirements": requirement,
    "sdists": sdist,
    "versions": normal_version,
    "wheels": wheel,
}

questions = json.load(sys.stdin)
answers = {kind: [attempt(ANSWERS[kind], question) for question in asked] for kind, asked in questions.items()}
json.dump({"version": VERSION, "python": sys.version.split()[0], "answers": answers}, sys.stdout)
