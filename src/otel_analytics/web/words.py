"""Texts in English and Korean: one table, and what a column means from the metric catalog."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LANGUAGES", "Language", "Words"]

Language = Literal["en", "ko"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "ko")

# key: (English, Korean)
_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "no_table": (
        "No table yet. Build it: otel-analytics run SERVICE",
        "아직 테이블이 없습니다. 다음으로 만드세요: otel-analytics run SERVICE",
    ),
    "no_rows": ("No data in this range.", "이 기간에는 데이터가 없습니다."),
    "dau.title": ("Daily active users", "일간 활성 사용자"),
    "dau.help": (
        "Distinct users with an active event on the day.",
        "그날 활성 이벤트가 있는 순 사용자 수.",
    ),
    "mau.title": ("Monthly active users", "월간 활성 사용자"),
    "mau.help": (
        "Distinct users with an active event in the month.",
        "그달 활성 이벤트가 있는 순 사용자 수.",
    ),
}


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of one language; a page adds its own, each key with (English, Korean)."""

    language: Language
    more: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def __call__(self, key: str, /, **values: object) -> str:
        """Return the text of a key, with `{names}` in it replaced."""
        texts = self.more[key] if key in self.more else _TEXTS[key]
        return texts[LANGUAGES.index(self.language)].format(**values)
