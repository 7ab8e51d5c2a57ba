"""The docs say what the code says."""

import importlib.util
import re
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


GENERATED = generated_pages()


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.name)
def test_a_generated_page_is_what_the_code_says(path: Path) -> None:
    assert path.read_text("utf-8") == GENERATED[path], f"{path.name} has drifted: run make docs"


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_between_the_pages_leads_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8")):
            target, _, anchor = link.partition("#")
            if "://" in link:
                continue
            leads_to = page.parent / target if target else page
            assert leads_to.exists(), f"{page.name}: {link}"
            assert not anchor or anchor in anchors_of(leads_to), f"{page.name}: {link}"


def test_the_files_and_functions_that_the_walk_names_exist() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    named = re.findall(r"`(\w+/\w+\.(?:py|sql))`(?:, `(?:\w+\.)?(\w+)`)?", page)
    assert len(named) > 30
    for file, function in named:
        source = ROOT / "src" / "otel_analytics" / file
        assert source.exists(), file
        assert not function or f"def {function}(" in source.read_text("utf-8"), (file, function)


def test_the_example_of_the_asl_runtime_prints_what_it_shows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = (ROOT / "docs" / "asl.md").read_text("utf-8")
    found = re.search(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```\n", page, re.M | re.S)
    assert found is not None
    example, shown = found.groups()
    exec(compile(example, "docs/asl.md", "exec"), {})  # noqa: S102 - our own page
    assert capsys.readouterr().out == shown
