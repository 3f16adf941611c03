"""The catalog over HTTP lists what specs accept, and its pages show the same."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr, ValidationError

from docs.generate.catalog_pages import FOLDER, pages, pictures, written
from service.api.app import create_app
from service.api.schemas.advice import CatalogAdvice, ClaimStanding, standing_of
from service.catalog.advice.advice import Advice, ClaimSource, said, shown
from service.catalog.axes import AXES
from service.catalog.entry import Source
from service.catalog.meanings import MEANINGS
from service.catalog.metrics import METRICS
from service.settings import Settings
from service.specs.choices import Choice, choice
from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec
from tests.support.served_api import ask

KEY = {"Authorization": "Bearer secret"}


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """The application alone: the catalog needs no database."""
    settings = Settings(
        database_url="postgresql://nobody@127.0.0.1:1/none",
        redis_url="redis://127.0.0.1:1/0",
        api_key=SecretStr("secret"),
    )
    return create_app(settings)


def get(app: FastAPI, path: str, **headers: str) -> httpx.Response:
    """Get a path, with the key."""
    return ask(app, "GET", path, headers={**KEY, **headers})


@pytest.fixture(scope="module")
def catalog(app: FastAPI) -> list[dict[str, Any]]:
    """All axes as the API gives them."""
    response = get(app, "/v1/catalog")
    assert response.status_code == 200
    body = response.json()
    assert body["next_cursor"] is None
    axes: list[dict[str, Any]] = body["items"]
    return axes


def _entries(catalog: list[dict[str, Any]], axis: str) -> dict[str, dict[str, Any]]:
    (found,) = [listed for listed in catalog if listed["axis"] == axis]
    return {entry["name"]: entry for entry in found["items"]}


def test_the_catalog_has_every_axis_and_value(catalog: list[dict[str, Any]]) -> None:
    listed = {axis["axis"]: [entry["name"] for entry in axis["items"]] for axis in catalog}
    assert listed == {axis: list(entries) for axis, entries in AXES.items()}
    assert MEANINGS.keys() == AXES.keys()
    for axis in catalog:
        assert axis["meaning"] == MEANINGS[axis["axis"]]
        for entry in axis["items"]:
            assert entry["meaning"]
            assert entry["source"]["link"].startswith("http")


def test_an_axis_and_an_entry_by_themselves_are_what_the_whole_says(
    app: FastAPI, catalog: list[dict[str, Any]]
) -> None:
    for axis in catalog:
        assert get(app, axis["links"]["self"]).json() == axis
        for entry in axis["items"]:
            alone = get(app, entry["links"]["self"]).json()
            assert alone.keys() - entry.keys() == {"phase_diagram"}
            assert (alone["phase_diagram"] is None) == (axis["axis"] != "activation")
            assert alone | entry == alone


def test_an_activation_has_its_phase_diagram(app: FastAPI) -> None:
    found = get(app, "/v1/catalog/activation/relu").json()["phase_diagram"]
    rows, columns = len(found["sigma_b"]), len(found["sigma_w"])
    assert found["edge_of_chaos"] == pytest.approx([2**0.5] * rows, rel=1e-3)
    assert [len(row) for row in found["chi_1"]] == [columns] * rows
    for row in found["chi_1"]:  # the slope of half its inputs is 1
        assert row == pytest.approx([sigma**2 / 2 for sigma in found["sigma_w"]], rel=2e-3)
    path = "/v1/catalog/activation/relu/phase_diagram"
    assert get(app, f"{path}.png").content.startswith(b"\x89PNG")
    assert b"relu: order and chaos" in get(app, f"{path}.svg?theme=dark").content
    assert get(app, "/v1/catalog/activation/nope/phase_diagram.svg").status_code == 404


def test_an_activation_says_what_auto_is_and_why(app: FastAPI) -> None:
    auto = get(app, "/v1/catalog/activation/sigmoid").json()["auto"]
    assert auto["initializer"] == "variance_scaling"
    assert auto["initializer_parameters"]["scale"] == 12.96
    assert "Kumar 2017" in auto["reason"]
    assert get(app, "/v1/catalog/activation/elu").json()["auto"]["initializer_parameters"] == {}


def _probes(parameter: dict[str, Any]) -> Iterator[tuple[Any, bool]]:
    """Yield values at and beyond each end of a parameter's range, and whether they are valid."""
    step = 1 if parameter["type"] in {"integer", "integers"} else 1e-3
    ends = (
        ("minimum", 0, -step),
        ("maximum", 0, step),
        ("exclusive_minimum", step, 0),
        ("exclusive_maximum", -step, 0),
    )
    for name, within, beyond in ends:
        if (end := parameter[name]) is not None:
            yield end + within, True
            yield end + beyond, False


def _choose(axis: str, entry: dict[str, Any], **parameters: Any) -> Choice:
    required = {
        parameter["name"]: _least(parameter)
        for parameter in entry["parameters"]
        if parameter["required"]
    }
    return choice(axis, {"name": entry["name"], **required, **parameters})


def _entries_of(axis: dict[str, Any]) -> list[dict[str, Any]]:
    """The values of an axis that are the same in a spec and in a configuration.

    An uploaded data set is looked up between the two; tests/service/datasets has its form.
    """
    return [entry for entry in axis["items"] if entry["name"] != "uploaded"]


def _least(parameter: dict[str, Any]) -> Any:
    """A value of a parameter without a default."""
    return ["flatten"] if parameter["type"] == "layers" else 1


def test_ranges_are_those_that_specs_accept(catalog: list[dict[str, Any]]) -> None:
    probed = 0
    for axis in catalog:
        for entry in _entries_of(axis):
            for parameter in entry["parameters"]:
                count = parameter["min_items"]
                for value, allowed in _probes(parameter):
                    written = value if count is None else [value] * max(count, 1)
                    if parameter["type"] == "constants":
                        written = {"b": value}
                    given = {parameter["name"]: written}
                    probed += 1
                    if allowed:
                        _choose(axis["axis"], entry, **given)
                    else:
                        with pytest.raises(ValidationError):
                            _choose(axis["axis"], entry, **given)
    assert probed > 50


def test_defaults_options_and_item_counts_are_those_that_specs_accept(
    catalog: list[dict[str, Any]],
) -> None:
    for axis in catalog:
        for entry in _entries_of(axis):
            chosen = _choose(axis["axis"], entry).parameters
            for parameter in entry["parameters"]:
                name, default = parameter["name"], parameter["default"]
                found = getattr(chosen[name], "name", chosen[name])
                if parameter["type"] == "layers":
                    found = [layer.name for layer in chosen[name]]
                assert found == (_least(parameter) if parameter["required"] else default)
                for option in parameter["options"]:
                    _choose(axis["axis"], entry, **{name: option})
                if parameter["type"] == "choice":
                    assert default is None or default in AXES[parameter["axis"]]
                if (most := parameter["max_items"]) is not None:
                    layers = parameter["type"] == "layers"
                    item = "flatten" if layers else parameter["minimum"] or 0
                    _choose(axis["axis"], entry, **{name: [item] * most})
                    with pytest.raises(ValidationError):
                        _choose(axis["axis"], entry, **{name: [item] * (most + 1)})


def test_an_alias_leads_to_the_entry_and_can_be_chosen(
    app: FastAPI, catalog: list[dict[str, Any]]
) -> None:
    aliases = [
        (axis["axis"], entry, alias)
        for axis in catalog
        for entry in axis["items"]
        for alias in entry["aliases"]
    ]
    assert ("activation", "silu", "swish") in [(a, entry["name"], b) for a, entry, b in aliases]
    for axis, entry, alias in aliases:
        alone = get(app, f"/v1/catalog/{axis}/{alias}").json()
        assert alone | entry == alone
        assert choice(axis, alias).name == entry["name"]


def test_auto_is_shown_as_it_is_resolved(catalog: list[dict[str, Any]]) -> None:
    activations = _entries(catalog, "activation")
    spec = ExperimentSpec.model_validate({"activation": list(activations), "epochs": 1})
    resolved = {
        run.config.activation.name: {
            "initializer": run.config.initializer.name,
            "initializer_parameters": run.config.initializer.model_dump(exclude={"name"}),
            "dropout": run.config.dropout.name,
        }
        for run in expand(spec, Limits())
    }
    shown = {name: dict(entry["auto"]) for name, entry in activations.items()}
    assert all(auto.pop("reason").endswith(".") for auto in shown.values())
    assert shown == resolved
    assert shown["selu"] == {
        "initializer": "lecun_normal",
        "initializer_parameters": {},
        "dropout": "alpha_dropout",
    }


def test_facts_of_data_sets_and_models(catalog: list[dict[str, Any]]) -> None:
    assert _entries(catalog, "dataset")["mnist"]["dataset"] == {
        "train_count": 60_000,
        "test_count": 10_000,
        "input_shape": [1, 28, 28],
        "classes": 10,
        "largest_value": 255,
    }
    model = _entries(catalog, "model")["mnist_cnn"]["model"]
    # As Keras' summary of its MNIST example counts them.
    assert model["weights"] == 1_199_882
    assert model["dropout_rates"] == [0.25, 0.5]
    assert _entries(catalog, "activation")["relu"]["dataset"] is None


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/v1/catalog/activaton", "did you mean 'activation'"),
        ("/v1/catalog/nothing-like-it", "Valid: activation, bias_initializer"),
        ("/v1/catalog/activation/leaky_rleu", "did you mean 'leaky_relu'"),
        ("/v1/catalog/activation/swihs", "did you mean 'swish'"),
        ("/v1/catalog/activaton/relu", "did you mean 'activation'"),
        ("/v1/catalog/activation/rleu/figure.svg", "did you mean 'relu'"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(app: FastAPI, path: str, hint: str) -> None:
    response = get(app, path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert hint in response.json()["detail"]


def test_lists_are_paged(app: FastAPI) -> None:
    for path, key in (("/v1/catalog", "axis"), ("/v1/catalog/initializer", "name")):
        whole = [item[key] for item in get(app, path).json()["items"]]
        for limit in (1, 5, len(whole)):
            walked, address = [], f"{path}?limit={limit}"
            while address and len(walked) <= len(whole):
                response = get(app, address)
                walked += [item[key] for item in response.json()["items"]]
                linked = response.links.get("next", {}).get("url", "")
                assert bool(linked) == (response.json()["next_cursor"] is not None)
                address = linked
            assert walked == whole


def test_a_cursor_of_another_list_is_refused(app: FastAPI) -> None:
    first = get(app, "/v1/catalog/clipping?limit=1").json()
    assert first["items"][0]["name"] == "none"
    cursor = first["next_cursor"]
    # Dropout has an entry of that name too, and initializer has none.
    for path in ("/v1/catalog/dropout", "/v1/catalog/initializer", "/v1/catalog"):
        response = get(app, f"{path}?cursor={cursor}")
        assert response.status_code == 422
        assert response.json()["errors"][0]["parameter"] == "cursor"


def test_the_metrics_are_those_of_the_registry(app: FastAPI) -> None:
    response = get(app, "/v1/catalog/metrics")
    assert response.status_code == 200
    assert response.json() == {
        "items": [
            {name: value for name, value in asdict(metric).items() if name != "recorded_with"}
            for metric in METRICS.values()
        ],
        "next_cursor": None,
    }
    again = get(app, "/v1/catalog/metrics", **{"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


def test_no_axis_is_hidden_by_the_metrics() -> None:
    assert "metrics" not in AXES


def test_reading_needs_a_key(app: FastAPI) -> None:
    for path in (
        "/v1/catalog",
        "/v1/catalog/loss",
        "/v1/catalog/metrics",
        "/v1/catalog/activation/relu/figure.svg",
    ):
        assert ask(app, "GET", path).status_code == 401


def test_every_activation_has_its_picture(app: FastAPI, catalog: list[dict[str, Any]]) -> None:
    for name, entry in _entries(catalog, "activation").items():
        response = get(app, entry["figure"]["svg"])
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("image/svg+xml")
        texts = [node.text or "" for node in ET.fromstring(response.text).iter() if node.text]
        assert any(text.startswith(name) for text in texts)


def test_a_picture_has_a_theme_a_kind_and_a_policy(app: FastAPI) -> None:
    path = "/v1/catalog/activation/swish/figure"
    light, dark = (get(app, f"{path}.png?theme={theme}") for theme in ("light", "dark"))
    assert light.headers["content-type"] == "image/png"
    assert light.content.startswith(b"\x89PNG")
    assert dark.content.startswith(b"\x89PNG")
    assert light.content != dark.content
    assert get(app, f"{path}.png").content == light.content
    # Its lines are styled within, which the policy of other answers forbids.
    policy = get(app, f"{path}.svg").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "style-src 'unsafe-inline'" in policy
    for wrong in (f"{path}.gif", f"{path}.svg?theme=blue", f"{path}.svg?colour=red"):
        assert get(app, wrong).status_code == 422


@pytest.mark.parametrize(
    "path", ["/v1/catalog/activation/relu", "/v1/catalog/activation/relu/figure.png?theme=dark"]
)
def test_what_a_client_has_is_not_sent_again(app: FastAPI, path: str) -> None:
    first = get(app, path)
    again = get(app, path, **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    # It changes with the service's version alone, and no address tells versions apart.
    assert again.headers["cache-control"] == "private, no-cache"
    assert get(app, path, **{"If-None-Match": '"other"'}).status_code == 200


def test_the_documentation_is_what_the_catalog_says() -> None:
    written_pages = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in written()}
    wanted = pages() | pictures()
    assert written_pages.keys() == wanted.keys(), "Run `make catalog`."
    differing = [name for name, content in wanted.items() if written_pages[name] != content]
    assert not differing, "Run `make catalog`."


PAPER = Source("A paper", "https://example.org")


def test_a_sentence_stands_only_while_its_claim_gives_what_it_says() -> None:
    said_so = said("A paper says so.", PAPER, "section 2")
    works = shown("It works.", "depth_study", "he_keeps_relu")
    fails = shown("It does not.", "depth_study", "he_keeps_relu", status="not_reproduced")
    advice = Advice((said_so, works), (fails,), (works, fails), (said_so,))
    for given, kept in (
        (ClaimStanding("reproduced", "full"), [works]),
        (ClaimStanding("not_reproduced", "small"), [fails]),
        (ClaimStanding("inconclusive", "full"), []),
        (None, []),
    ):

        def standing(source: ClaimSource, given: ClaimStanding | None = given) -> Any:
            assert source.claim == "he_keeps_relu"
            return given

        found = CatalogAdvice.of(advice, standing)
        assert [sentence.text for sentence in found.remains] == [each.text for each in kept]
        assert [sentence.text for sentence in found.solved] == [
            said_so.text,
            *(works.text for sentence in kept if sentence is works),
        ]
        for sentence in found.remains:
            assert sentence.source is None
            assert sentence.claim is not None
            assert given is not None
            assert (sentence.claim.status, sentence.claim.size) == (given.status, given.size)
        assert found.use_when[0].source is not None
        assert found.use_when[0].source.title == "A paper, section 2"


def test_a_claim_gives_what_its_full_size_gave_or_else_the_small_one() -> None:
    full = standing_of(ClaimSource("he_depth", "glorot_stalls", ""))
    small = standing_of(ClaimSource("lsuv_depth", "as_good_as_he", ""))
    assert full is not None
    assert full.size == "full"
    assert small is None or small.size in ("full", "small")


def test_advice_is_part_of_the_entries_that_have_it(catalog: list[dict[str, Any]]) -> None:
    relu = _entries(catalog, "activation")["relu"]["advice"]
    assert "https://proceedings.mlr.press" in relu["solved"][0]["source"]["link"]
    (claim,) = [sentence["claim"] for sentence in relu["strengths"] if sentence["claim"]]
    assert (claim["preset"], claim["status"]) == ("initializer_showdown", "reproduced")
    assert claim["sentence"].startswith("relu with he learns faster")
    assert _entries(catalog, "optimizer")["adam"]["advice"] is None
