"""The docs say what the code says."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def generated_pages() -> dict[Path, str]:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pages: dict[Path, str] = module.build_pages()
    return pages


@pytest.mark.parametrize(("path", "text"), generated_pages().items(), ids=lambda value: "")
def test_a_generated_page_is_what_the_code_says(path: Path, text: str) -> None:
    assert path.read_text("utf-8") == text, f"{path.name} has drifted: run make docs"


def test_every_link_between_the_pages_leads_somewhere() -> None:
    import re

    pages = [ROOT / "README.md", ROOT / "README.ko.md", *(ROOT / "docs").glob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
