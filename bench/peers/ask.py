"""Asking a peer: the same questions, in rounds, each answer a table in memory.

A peer is a module with a function from a question to a pyarrow table. Its main program prints what
the rounds took and read, and leaves the last answers as files, for the comparison with ours.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from bench.processes import read_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    Answer = Callable[["Question"], pa.Table]

__all__ = ["MAX_NAMES", "QUESTIONS", "Question", "main"]

QUESTIONS = (
    "mau",
    "dau",
    "retention",
    "conversion",
    "user_cohort",
    "session_metrics",
    "event_distribution",
)
MAX_NAMES = 1000
DAYS = {"user_cohort": 365, "event_distribution": 7}  # the others read 90, mau 13 months


@dataclass(frozen=True, slots=True)
class Question:
    """One table of one service, as of a date."""

    name: str
    service: str
    execution_date: date

    @property
    def last_day(self) -> date:
        """The window's last day."""
        return self.execution_date - timedelta(days=1)

    @property
    def first_day(self) -> date:
        """The window's first day."""
        if self.name == "mau":
            return self.last_day.replace(year=self.last_day.year - 1, day=1)
        return self.execution_date - timedelta(days=DAYS.get(self.name, 90))


def main(
    opened: Callable[[Path], Answer],
    *,
    anew: bool = False,
    bytes_read: Callable[[], int] = lambda: read_bytes(os.getpid()),
) -> None:
    """Ask everything once to warm up, then in rounds; print the seconds and bytes of each round.

    `opened` returns what answers, over the lake's folder: once, or `anew` for each round, where an
    engine keeps in memory what it has read. That is in no round's time.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("lake", type=Path, help="the folder of logall")
    parser.add_argument("answers", type=Path, help="where the answers go")
    parser.add_argument("execution_date", type=date.fromisoformat)
    parser.add_argument("rounds", type=int)
    parser.add_argument("services", nargs="+")
    asked = parser.parse_args()
    questions = [
        Question(name, service, asked.execution_date)
        for service in asked.services
        for name in QUESTIONS
    ]
    answer = opened(asked.lake.resolve())
    asked.answers.mkdir(parents=True, exist_ok=True)
    for question in questions:
        file = asked.answers / f"{question.service}.{question.name}.parquet"
        pq.write_table(answer(question), file)
    rounds = []
    for _ in range(asked.rounds):
        if anew:
            answer = opened(asked.lake.resolve())
        before = bytes_read()
        seconds = dict.fromkeys(QUESTIONS, 0.0)
        for question in questions:
            began = time.perf_counter()
            answer(question)
            seconds[question.name] += time.perf_counter() - began
        rounds.append({"seconds": seconds, "bytes": bytes_read() - before})
    print(json.dumps(rounds), flush=True)
