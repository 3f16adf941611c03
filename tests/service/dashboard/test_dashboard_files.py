"""The page's files: how they are served, what is vendored, languages, rooms, colours."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from service.api.app import create_app
from service.figures.plots import style
from tests.support.paths import ROOT
from tests.support.served_api import ask

STATIC = ROOT / "service" / "dashboard" / "static"
OWN = [path for path in STATIC.rglob("*.js") if "vendor" not in path.parts]


@pytest.fixture
def app(settings):
    return create_app(settings.model_copy(update={"api_key": SecretStr("act_secret_of_this_test")}))


def test_the_page_needs_no_key_and_trusts_nothing_but_itself(app):
    answer = ask(app, "GET", "/", address="203.0.113.7")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(
        each.strip().split(" ", 1) for each in answer.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    # What the policy forbids is not there: inline scripts, styles and handlers.
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|style=", answer.text)


def test_files_are_served_with_types_and_tags(app):
    for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', ask(app, "GET", "/").text):
        answer = ask(app, "GET", path)
        assert answer.status_code == 200, path
        expected = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
        assert answer.headers["content-type"].startswith(expected[Path(path).suffix])
        again = ask(app, "GET", path, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        # A vendored file has its version in its path; ours is asked for again.
        assert ("immutable" in answer.headers["cache-control"]) == ("/vendor/" in path)


@pytest.mark.parametrize(
    "path",
    ["/static/%2e%2e/routes.py", "/static/..%2froutes.py", "/static//etc/passwd", "/static/"],
)
def test_no_other_file_is_served(app, path):
    answer = ask(app, "GET", path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_is_vendored_is_what_versions_says():
    vendor = STATIC / "vendor"
    lines = (vendor / "VERSIONS").read_text().splitlines()
    told = dict(reversed(line.split("  ", 1)) for line in lines if not line.startswith("#"))
    found = {
        path.relative_to(vendor).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in vendor.rglob("*")
        if path.is_file() and path.name != "VERSIONS"
    }
    assert found == told
    for package in vendor.iterdir():
        if package.is_dir():
            assert "MIT" in (package / "LICENSE").read_text()
            name, _, version = package.name.partition("-")
            assert f"{name} {version}" in lines[1]


def test_both_languages_have_every_sentence_with_the_same_values():
    english, chinese = (
        json.loads((STATIC / "strings" / f"{name}.json").read_text()) for name in ("en", "zh")
    )
    assert list(english) == list(chinese)
    assert not [sentence for sentence in chinese.values() if "。 " in sentence]
    for key, sentence in english.items():
        names = set(re.findall(r"\{(\w+)\}", sentence))
        assert names == set(re.findall(r"\{(\w+)\}", chinese[key])), key
        assert bool(sentence) == bool(chinese[key]), key


def test_every_sentence_is_there_and_used():
    english = json.loads((STATIC / "strings" / "en.json").read_text())
    code = "\n".join(path.read_text() for path in OWN)
    asked = set(re.findall(r'\bt\(\s*"([\w.]+)"', code))
    assert asked <= set(english)
    mentioned = set(re.findall(r'"(\w+\.[\w.]+)"', code))
    families = tuple(re.findall(r"`([\w.]+\.)\$\{", code))
    unused = [key for key in english if key not in mentioned and not key.startswith(families)]
    assert unused == []


def test_the_page_writes_no_markup_and_asks_no_other_host():
    for path in OWN:
        code = path.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", code)
        assert "http://www.w3.org/" in code or not re.search(r"[\"'`]https?://", code), path


_IMPORT = re.compile(r'(?:from|import\() ?"\.{1,2}/([\w/]+)\.js"')
_ROOMS = {"lib": {"lib"}, "parts": {"lib", "parts"}, "views": {"lib", "parts", "views"}}


def test_rooms_import_only_from_rooms_below_them():
    for path in OWN:
        if path.parent.name not in _ROOMS:
            continue
        for found in _IMPORT.findall(path.read_text()):
            room = found.split("/")[0] if "/" in found else path.parent.name
            assert room in _ROOMS[path.parent.name], f"{path.name} imports {found}"


def test_modules_of_lib_touch_no_element():
    for path in (STATIC / "lib").glob("*.js"):
        used = set(re.findall(r"\bdocument\.(\w+)", path.read_text()))
        assert used <= {"hidden", "addEventListener", "removeEventListener"}, path.name


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _themes() -> dict[str, dict[str, str]]:
    """Return the colours of the light and of the dark theme, by their names."""
    css = (STATIC / "styles" / "theme.css").read_text()
    pairs = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", css)
    assert len(pairs) > 20
    return {
        "light": {name: light for name, light, _ in pairs},
        "dark": {name: dark for name, _, dark in pairs},
    }


def test_text_stands_out_from_every_ground_in_both_themes():
    """By WCAG 2.1, level AA: 4.5 to 1."""
    for colours in _themes().values():
        for text in ("text", "muted", "accent", "good", "warn", "bad", "fail"):
            for ground in ("ground", "paper", "sunk", "tint"):
                assert _contrast(colours[text], colours[ground]) >= 4.5, f"{text} on {ground}"


def test_curves_stand_out_and_have_the_colours_of_the_pictures():
    """By WCAG 2.1, level AA for graphics: 3 to 1."""
    for theme, palette in (("light", style.PALETTE), ("dark", style.PALETTE_ON_DARK)):
        colours = _themes()[theme]
        lines = [colours[f"line-{number}"] for number in range(len(palette))]
        assert lines == [colour.lower() for colour in palette]
        for colour in lines:
            assert _contrast(colour, colours["paper"]) >= 3, f"{colour} in the {theme} theme"


def _contrast(one: str, other: str) -> float:
    dim, bright = sorted(_luminance(colour) for colour in (one, other))
    return (bright + 0.05) / (dim + 0.05)


def test_lines_that_stand_for_values_stand_out_from_their_ground():
    """By WCAG 2.1, level AA for graphics: 3 to 1."""
    script = (STATIC / "lib" / "colours.js").read_text()
    for theme, found in _themes().items():
        ground = found["paper"]
        colours = re.findall(r"#\w{6}", re.search(rf"\b{theme}: \[(.*)\]", script)[1])
        assert len(colours) == 7
        for colour in colours:
            assert _contrast(colour, ground) >= 3, f"{colour} in the {theme} theme"
