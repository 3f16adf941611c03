"""Heat maps, drawn from data alone."""

import re
from dataclasses import replace

from service.figures.plots.heatmap import Cell, Side, draw_heatmap
from tests.support.picture_reading import is_png, shapes, texts

ROWS, COLUMNS = Side("activation", ["relu", "tanh"]), Side("initializer", ["he_normal", "zeros"])


def drawn(cells, metric="val_accuracy", **options):
    return draw_heatmap(
        cells,
        rows=ROWS,
        columns=COLUMNS,
        metric=metric,
        title="x",
        **{"kind": "svg", **options},
    )


def test_a_cell_tells_mean_verdict_and_divergence():
    cell = Cell("relu", "zeros", 0.98514, 5, 1, {"healthy": 4, "vanishing": 1})
    assert cell.lines("val_accuracy") == ["98.51%", "healthy 4/5", "1/5 diverged"]
    assert Cell("relu", "zeros", 0.0123, 3, 0, {"healthy": 3}).lines("val_loss") == [
        "0.0123",
        "healthy",
    ]
    assert Cell("relu", "zeros", None, 2, 2, {"step_size": 2}).lines("val_loss") == [
        "step size",
        "all diverged",
    ]
    assert Cell("relu", "zeros", None, 2, 2).lines("val_loss") == ["all diverged"]


def test_every_cell_stands_at_its_row_and_column():
    cells = [
        Cell("relu", "he_normal", 0.9, 1, 0),
        Cell("relu", "zeros", 0.1, 1, 0),
        Cell("tanh", "zeros", 0.2, 1, 0),
    ]
    svg = drawn(cells)
    assert {"relu", "tanh", "he_normal", "zeros", "Activation", "Initializer"} <= set(texts(svg))
    said = {"".join(shape.itertext()).strip(): shape for shape in shapes(svg, "text")}
    places = {name: _place(said[name]) for name in ("90.00%", "10.00%", "20.00%")}
    assert places["90.00%"][1] == places["10.00%"][1] < places["20.00%"][1]
    assert places["90.00%"][0] < places["10.00%"][0] == places["20.00%"][0]


def _place(group):
    (text,) = group.iter("{http://www.w3.org/2000/svg}text")
    transform = text.get("transform") or ""
    if "translate" in transform:
        x, y = transform.partition("translate(")[2].partition(")")[0].split()[:2]
        return round(float(x)), round(float(y))
    return round(float(text.get("x"))), round(float(text.get("y")))


def test_networks_that_were_only_initialized_are_told_apart_by_their_verdicts():
    cells = [
        Cell("relu", "he_normal", None, 3, 0, {"healthy": 3}),
        Cell("tanh", "zeros", None, 3, 0, {"symmetric": 3}),
    ]
    svg = drawn(cells)
    assert {"healthy", "symmetric"} <= set(texts(svg))
    fills = {each for each in ("#0072b2", "#c08400") if each in svg.decode().lower()}
    assert fills == {"#0072b2", "#c08400"}
    assert not any("Validation accuracy" in text for text in texts(svg))  # no key of means


def test_brighter_is_better_for_losses_too():
    def fill_of_first(metric):
        svg = drawn(
            [Cell("relu", "he_normal", 0.9, 1, 0), Cell("tanh", "zeros", 0.1, 1, 0)], metric
        )
        return svg.decode().partition('id="patch_3"')[2].partition("fill: ")[2][:7]

    assert fill_of_first("val_accuracy") != fill_of_first("val_loss")


def test_an_enormous_loss_leaves_the_others_their_colours():
    """Its cell has the colour of what is ten times as bad as guessing."""

    def fills(worst):
        cells = [
            Cell("relu", "he_normal", 60.0, 1, 0),
            Cell("relu", "zeros", 400.0, 1, 0),
            Cell("tanh", "zeros", worst, 1, 0),
        ]
        svg = drawn(cells, "val_rmse", guess=80.0)
        found = re.findall(r'fill: (#[0-9a-f]{6})"', svg.decode())
        return [each for each in found if each not in {"#ffffff", "#000000"}], texts(svg)

    enormous, said = fills(1.6e19)
    assert enormous == fills(800.0)[0]
    assert len(set(enormous)) >= 3
    assert {"1.6e19", "400"} <= {*said}
    assert not any("e+" in each for each in said)


def test_each_cell_has_room_for_its_lines():
    """However many lines are above and below, and however long the labels are."""
    cell = Cell("relu", "he_normal", 0.5, 4, 1, {"healthy": 3, "dead": 1})
    long = Side("loss", [f"categorical_crossentropy(label_smoothing=0.{at})" for at in range(3)])
    pictures = [
        draw_heatmap(
            [replace(cell, column=columns.labels[0])],
            rows=ROWS,
            columns=columns,
            metric="val_loss",
            title="A long title. " * words,
            note="A note. " * (20 * words),
            kind="svg",
        )
        for columns, words in ((COLUMNS, 1), (long, 9))
    ]
    assert {*long.labels} <= {*texts(pictures[1])}
    for svg in pictures:
        said = {"".join(shape.itertext()).strip(): shape for shape in shapes(svg, "text")}
        heights = [_place(said[label])[1] for label in ROWS.labels]
        assert heights[1] - heights[0] > 3 * 12


def test_all_formats_and_themes_are_deterministic():
    cells = [
        Cell("relu", "he_normal", 0.9, 1, 0, {"healthy": 1}),
        Cell("tanh", "zeros", None, 1, 1),
    ]
    for theme in ("light", "dark"):
        assert drawn(cells, theme=theme) == drawn(cells, theme=theme)
        assert is_png(drawn(cells, theme=theme, kind="png"))
    assert drawn(cells) != drawn(cells, theme="dark")
