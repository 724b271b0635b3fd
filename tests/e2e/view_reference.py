# SPDX-License-Identifier: ISC
"""What oxview should answer, worked out the slow and plain way over decoded events.

Random events, random filters with what they mean, and the sums.  Nothing here knows how oxview does it.
"""
import base64
import math

MISSING = object()


# ---- events ------------------------------------------------------------------------------------------------------------

TYPES = ["shop.request", "shop.request.sql", "shop.request.sql", "shop.request.sql", "shop.request.sql", "shop.cache", "job", "job.step"]
HOSTS = [f"web{i}" for i in range(8)]
WORDS = ["", "curl/8.5", "Mozilla/5.0 (X11)", "na\u00efve", "GET", "a,b \"c\"", "x\ny", " led by space"]


def any_value(rnd, depth=0):
    kind = rnd.randrange(12 if depth < 2 else 9)
    if kind < 2:
        return rnd.randrange(-5, 600)
    if kind == 2:
        return rnd.choice([2**63, 2**64 - 1, -2**63, 2**53 + 1, 0])
    if kind < 5:
        return rnd.choice([rnd.uniform(-2, 2), rnd.random() * 10 ** rnd.randrange(-6, 9), 0.1, -0.0, math.inf, math.nan])
    if kind < 7:
        return rnd.choice(WORDS)
    if kind == 7:
        return rnd.choice([True, False, None])
    if kind == 8:
        return rnd.choice([b"", b"\x00\xff", b"text"])
    if kind < 11:
        return {rnd.choice(["status", "size", "a", "deep"]): any_value(rnd, depth + 1) for _ in range(rnd.randrange(4))}
    return [any_value(rnd, depth + 1) for _ in range(rnd.randrange(3))]


def any_event(rnd, now, ids):
    took = rnd.choice([0.0, rnd.random(), rnd.random() / 1000, 60 * rnd.random()])
    body = {"n": rnd.randrange(50), "took": rnd.random(), "agent": rnd.choice(WORDS)}
    if rnd.randrange(3):
        body["response"] = {"status": rnd.choice([200, 200, 301, 404, 500, 503]), "size": rnd.randrange(100000)}
    for _ in range(rnd.randrange(3)):
        body[rnd.choice(["odd", "extra", "host", "duration", "list"])] = any_value(rnd)
    if rnd.randrange(20) == 0:
        body["error"] = {"class": "pq", "code": "42P01", "message": "no table"}
    event = {"id": rnd.choice(ids), "type": rnd.choice(TYPES), "host": rnd.choice(HOSTS), "pid": rnd.randrange(1, 65536),
             "start": now - took, "end": now, "body": body, "span": f"{rnd.getrandbits(64):016x}"}
    if rnd.randrange(2):
        event["parent"] = f"{rnd.getrandbits(64):016x}"
    if rnd.randrange(50) == 0:
        del event[rnd.choice(["end", "start"])]
    return event


# ---- paths and filters -------------------------------------------------------------------------------------------------

PATHS = ["n", "took", "agent", "response.status", "response.size", "odd", "extra", "host", "type", ".host", ".body.n", "duration", "end",
         "list.0", "list.1.status", "odd.deep", "odd.deep.a", "nothing", "nothing.here", "pid", "error", "error.code", "id", "span", "parent"]


def walk(value, parts):
    for part in parts:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return MISSING
    return value


def get(event, path):
    if path.startswith("."):
        return walk(event, path[1:].split("."))
    value = walk(event.get("body"), path.split("."))
    if value is MISSING:
        value = walk(event, path.split("."))
    if value is MISSING and path == "duration" and "start" in event and "end" in event:
        value = event["end"] - event["start"]
    return value


def is_number(v):
    return isinstance(v, (int, float)) and not isinstance(v, bool)


def as_bytes(v):
    return v.encode() if isinstance(v, str) else v if isinstance(v, bytes) else None


def compare(value, literal):
    """-1, 0, 1, or None where it makes no sense."""
    if value is MISSING:
        return None
    if literal is None:
        return 0 if value is None else 1
    if isinstance(literal, bool):
        return None if not isinstance(value, bool) else 0 if value == literal else 1
    if is_number(literal):
        if not is_number(value) or value != value:
            return None
        return (value > literal) - (value < literal)
    a, b = as_bytes(value), as_bytes(literal)
    return None if a is None else (a > b) - (a < b)


COMPARISONS = {"==": lambda o: o == 0, "!=": lambda o: o != 0, "<": lambda o: o < 0, "<=": lambda o: o <= 0, ">": lambda o: o > 0,
               ">=": lambda o: o >= 0}


def quoted(text):
    return '"' + "".join(c if c not in '"\\' else "\\" + c for c in text).replace("\n", "\\n") + '"'


def any_literal(rnd, ordered):
    kind = rnd.randrange(5 if ordered else 7)
    if kind < 2:
        v = rnd.choice([0, 1, 25, 200, 404, 500, -3, 2**53 + 1, 2**64 - 1])
        return str(v), v
    if kind == 2:
        v = round(rnd.uniform(-1, 2), 3)
        return repr(v), v
    if kind == 3:
        ms = rnd.randrange(1, 2000)
        return f"{ms}ms", ms * 1000000 / 1e9
    if kind == 4:
        v = rnd.choice(WORDS)
        return quoted(v), v
    if kind == 5:
        return "nil", None
    v = rnd.choice([True, False])
    return str(v).lower(), v


def literal_of(v):
    """The value as a filter writes it, or None."""
    if isinstance(v, bool) or v is None:
        return {True: "true", False: "false", None: "nil"}[v], v
    if isinstance(v, str):
        return quoted(v), v
    if is_number(v) and math.isfinite(v):
        return repr(v), v
    return None


def any_test(rnd, events):
    path = rnd.choice(PATHS[:9] if rnd.randrange(2) else PATHS)
    near = literal_of(get(rnd.choice(events), path)) if rnd.randrange(3) else None
    kind = rnd.randrange(7)
    if kind < 3:
        op = rnd.choice(list(COMPARISONS))
        ordered = op in ("<", "<=", ">", ">=")
        if near and not (ordered and (near[1] is None or isinstance(near[1], bool))):
            text, literal = near
        else:
            text, literal = any_literal(rnd, ordered)

        def holds(e):
            order = compare(get(e, path), literal)
            return order is not None and COMPARISONS[op](order)
        return f"{path} {op} {text}", holds
    if kind == 3:
        return f"{path} exists", lambda e: get(e, path) is not MISSING
    if kind == 4:
        literals = [any_literal(rnd, False) for _ in range(rnd.randrange(1, 4))]
        return f"{path} in ({', '.join(t for t, _ in literals)})", lambda e: any(compare(get(e, path), v) == 0 for _, v in literals)
    if kind == 5:
        prefix = rnd.choice(["", "shop", "G", "web1", "cu", "4"])
        return f"{path} ^= {quoted(prefix)}", lambda e: (as_bytes(get(e, path)) or b"-").startswith(prefix.encode()) \
            if as_bytes(get(e, path)) is not None else False
    part = rnd.choice(["shop", "l/8", "web", "42", "sql"])

    def found(e):
        v = as_bytes(get(e, path))
        return v is not None and part.encode() in v
    return f"{path} ~ {quoted(part)}", found


def any_filter(rnd, events, depth=0):
    """Text, and a function that says for which events it holds."""
    kind = rnd.randrange(6)
    if depth == 3 or kind < 3:
        return any_test(rnd, events)
    a, holds_a = any_filter(rnd, events, depth + 1)
    if kind == 3:
        return f"!({a})", lambda e: not holds_a(e)
    b, holds_b = any_filter(rnd, events, depth + 1)
    if kind == 4:
        return f"({a}) && ({b})", lambda e: holds_a(e) and holds_b(e)
    return f"({a}) or ({b})", lambda e: holds_a(e) or holds_b(e)


# ---- JSON --------------------------------------------------------------------------------------------------------------

RESERVED = {"$bin", "$num", "$map", "$ext"}


def as_json(v):
    """What json.loads gives for what oxview writes."""
    if isinstance(v, bytes):
        return {"$bin": base64.b64encode(v).decode()}
    if isinstance(v, float) and not math.isfinite(v):
        return {"$num": "nan" if v != v else "inf" if v > 0 else "-inf"}
    if isinstance(v, list):
        return [as_json(x) for x in v]
    if isinstance(v, dict):
        return {k: as_json(x) for k, x in v.items()}
    return v


# ---- sums --------------------------------------------------------------------------------------------------------------

ERROR = 1 / 256


def when(event):
    return event.get("end", event.get("start", math.nan))


def key_of(event, by, stretch):
    key = [math.floor(when(event) / stretch) * stretch] if stretch else []
    for path in by:
        v = get(event, path)
        key.append(repr(("missing",)) if v is MISSING else repr(as_json(v)))
    return tuple(key)


def groups_of(events, by, stretch):
    groups = {}
    for event in events:
        groups.setdefault(key_of(event, by, stretch), []).append(event)
    return groups


def stats_of(events, path):
    numbers = sorted(float(v) for v in (get(e, path) for e in events) if v is not MISSING and is_number(v) and math.isfinite(v))
    if not numbers:
        return {"count": 0}
    out = {"count": len(numbers), "mean": math.fsum(numbers) / len(numbers), "max": numbers[-1]}
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
        out[name] = numbers[math.ceil(share * len(numbers)) - 1]
    return out


def stats_agree(got, expected):
    if got.keys() != expected.keys() or got["count"] != expected["count"]:
        return False
    if expected["count"] == 0:
        return True
    size = max(abs(expected["mean"]), abs(expected["max"]))
    return got["max"] == expected["max"] and abs(got["mean"] - expected["mean"]) <= 1e-9 * size + 1e-300 and \
        all(abs(got[k] - expected[k]) <= abs(expected[k]) * ERROR for k in ("p50", "p90", "p99"))
