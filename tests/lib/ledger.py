# SPDX-License-Identifier: Apache-2.0
"""The ledger of a host, read from its database and added up again without any of its code: whether
a reservation was ever beyond a cap, and whether the sums that the host keeps are those of its rows."""

import collections
import sqlite3
import threading

SCOPES = ("bot", "guild", "member")
SPANS = ("hour", "day", "month")
HOUR_MS = 3600 * 1000

Row = collections.namedtuple("Row", "id turn day bot guild member what reserved settled state "
                             "created dispatched ended")
ROWS = ("SELECT id, turn_id, day, scope_bot, scope_guild, scope_member, what, reserved_micros, "
        "settled_micros, state, created_ms, dispatched_ms, settled_ms FROM budget_ledger ORDER BY id")
OPEN = ("reserved", "dispatched")


def rows_of(host):
    return [Row(*row) for row in host.query(ROWS)]


def sums_of(row):
    """The sums that it counts in: (scope, its id, span, when that begins)."""
    begins = {"hour": row.created // HOUR_MS, "day": row.day, "month": row.day[:7]}
    for scope in SCOPES:
        name = getattr(row, scope)
        if name:
            for span in SPANS:
                yield scope, name, span, begins[span]


def counted(row):
    if row.state in OPEN:
        return row.reserved
    return 0 if row.state == "released" else row.settled


class Caps:
    """Micro-USD by (scope, span); what a sum may be, and how near the fullest came."""

    def __init__(self, caps):
        self.caps = caps
        self.fullest = collections.Counter()

    def beyond(self, sums):
        bad = []
        for (scope, name, span, _), value in sums.items():
            cap = self.caps[scope, span]
            self.fullest[scope, span] = max(self.fullest[scope, span], value / cap)
            if value > cap:
                bad.append(f"{value} micro-USD of a {span} are reserved or spent for {scope} {name}, "
                           f"whose cap is {cap}")
        return bad


def add_up(rows):
    sums = collections.Counter()
    for row in rows:
        for key in sums_of(row):
            sums[key] += counted(row)
    return sums


def replay(rows, caps):
    """Every reservation anew in its order: the sums just behind each. Of what happened in the same
    millisecond money is given back first, as the clock does not tell."""
    events = []
    for row in rows:
        events.append((row.created, 1, row.id, row, row.reserved))
        if row.state not in OPEN:
            events.append((row.ended, 0, row.id, row, counted(row) - row.reserved))
    sums, bad = collections.Counter(), []
    for at, reserves, _, row, micros in sorted(events, key=lambda event: event[:3]):
        keys = list(sums_of(row))
        for key in keys:
            sums[key] += micros
        if reserves:
            bad += [f"reservation {row.id} at {at}: {text}"
                    for text in caps.beyond({key: sums[key] for key in keys})]
    return bad


class Watch:
    """Looks at the ledger again and again while the host lives and dies, each time in one snapshot."""

    def __init__(self, host, caps):
        self.host, self.caps = host, caps
        self.looks, self.bad = 0, []
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.done.wait(0.2):
            try:
                self.bad += self.caps.beyond(add_up(rows_of(self.host)))
                self.looks += 1
            except sqlite3.Error:
                pass  # it is being opened, or there is none yet

    def stop(self):
        self.done.set()
        self.thread.join()
        return self.bad


def sums_by(rows, begin):
    """Reserved, settled, unknown of each scope and time, which begin(row) tells."""
    sums = collections.defaultdict(lambda: [0, 0, 0])
    for row in rows:
        for scope in SCOPES:
            name = getattr(row, scope)
            if name:
                of = sums[begin(row), scope, name]
                of[0] += row.reserved if row.state in OPEN else 0
                of[1] += 0 if row.state in OPEN else counted(row)
                of[2] += row.settled if row.state == "unknown" else 0
    return sums


def wrong_sums(host, rows):
    """The host's sums of days and of the hours that it still has against the rows."""
    bad = []
    for table, span, begin in (("budget_day", "day", lambda row: row.day),
                               ("budget_hour", "hour", lambda row: row.created // HOUR_MS)):
        theirs = {(begins, scope, name): sums for begins, scope, name, *sums in host.query(
            f"SELECT {span}, scope, scope_id, reserved_micros, settled_micros, unknown_micros "
            f"FROM {table} WHERE scope <> 'plugin'")}
        oldest = min((key[0] for key in theirs), default=None)
        mine = {key: sums for key, sums in sums_by(rows, begin).items()
                if oldest is None or key[0] >= oldest}
        bad += [f"the sums of {key} are {theirs.get(key)}, those of its rows {mine.get(key)}"
                for key in sorted({*mine, *theirs}) if mine.get(key) != theirs.get(key)]
    return bad


def wrong_rows(rows):
    """What a row may not be once every turn has ended."""
    bad = []
    for row in rows:
        if row.state in OPEN:
            bad.append(f"reservation {row.id} is left {row.state}")
        if row.state == "unknown" and row.settled != row.reserved:
            bad.append(f"reservation {row.id} is unknown and booked at {row.settled}, not at its worst "
                       f"case {row.reserved}")
        if row.state == "released" and row.dispatched is not None:
            bad.append(f"reservation {row.id} was dispatched and costs nothing")
        if row.state == "settled" and row.dispatched is None:
            bad.append(f"reservation {row.id} was settled and never dispatched")
    return bad
