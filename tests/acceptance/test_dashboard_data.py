"""The page, where a file becomes a data set: in a real browser, as a person does."""

import io
import zipfile

import numpy as np
from sqlalchemy import text

from tests.support.page_visitors import expect
from tests.support.upload_files import png

TABLE = "size,<b>colour</b>,kind\n" + "".join(
    f"{row * 2}.5,{'red' if row % 2 else 'yellow'},{'apple' if row % 2 else 'banana'}\n"
    for row in range(40)
)


def drop(page, name: str, content: bytes) -> None:
    """Drop a file on the zone, as a person drags it there."""
    data = page.evaluate_handle(
        """([name, bytes]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], name));
            return transfer;
        }""",
        [name, list(content)],
    )
    page.dispatch_event("label.drop", "drop", {"dataTransfer": data})


def stored(sessions) -> int:
    with sessions() as session:
        return session.scalar(text("SELECT count(*) FROM datasets"))


def test_a_file_is_dropped_understood_stored_and_trained_on(served, sessions, visit):
    visitor = visit(served.url)
    page = visitor.goto("#/data")
    drop(page, "fruit.csv", TABLE.replace("40.5", "").encode())
    visitor.expects("422")
    expect(page.get_by_role("alert")).to_contain_text("'size' has no value in line 22")
    page.get_by_label("Missing").select_option("drop")
    columns = page.locator("table.columns")
    expect(columns).to_contain_text("red (20), yellow (19)")
    expect(columns).to_contain_text("<b>colour</b>")
    expect(page.locator("dl.facts")).to_contain_text("two classes")
    expect(page.locator("table.first-rows tbody tr").first).to_contain_text("yellow")
    columns.get_by_label("size").uncheck()
    expect(columns.locator("tr.left-out")).to_contain_text("size")
    assert stored(sessions) == 0
    page.get_by_role("button", name="Store it").click()
    expect(page.get_by_role("heading", name="fruit")).to_be_visible()
    assert stored(sessions) == 1
    page.get_by_role("button", name="Train on it").click()
    expect(page.get_by_role("complementary")).to_contain_text("6 runs")
    page = visitor.goto("#/data")
    page.get_by_role("link", name="fruit").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("No data set of your own is stored yet.")).to_be_visible()
    assert stored(sessions) == 0


def test_images_are_shown_before_they_are_stored(served, visit):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(8):
            image = png(np.full((6, 6), 30 * number, np.uint8))
            archive.writestr(f"{'dark' if number < 4 else 'light'}/{number}.png", image)
    page = visit(served.url).goto("#/data")
    drop(page, "greys.zip", file.getvalue())
    expect(page.locator(".thumbnails img")).to_have_count(8)
    expect(page.locator(".thumbnails figure").first).to_contain_text("dark")
