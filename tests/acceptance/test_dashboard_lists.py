"""Lists on the page: what is edited in place, archived, and found again."""

from tests.support.page_visitors import expect


def test_an_experiment_is_edited_in_place_and_archived(served, lab, visit):
    made = lab.submit(name="first name", tags={"course": "dl"}, description="Why relu?")
    lab.train_all()
    page = visit(served.url).goto(f"#/experiments/{made}")
    page.get_by_role("button", name="Edit").click()
    form = page.get_by_role("form", name="Edit")
    expect(form.get_by_label("Name")).to_be_focused()
    form.get_by_label("Name").fill("second name")
    form.get_by_label("Tags").fill("course: dl, reviewed: yes")
    form.get_by_label("Note").fill("Seed 3 looks <b>odd</b>.")
    form.get_by_label("Description").fill("")
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    expect(page.get_by_role("button", name="Edit")).to_be_focused()
    expect(page.get_by_role("heading", level=1)).to_have_text("second name")
    expect(page).to_have_title("second name · Actinium")
    expect(page.locator(".top .tag")).to_have_text(["course: dl", "reviewed: yes"])
    expect(page.locator(".top .remark")).to_contain_text("Seed 3 looks <b>odd</b>.")
    expect(page.locator(".top .description")).to_have_count(0)
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Name").fill("third name")
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", level=1)).to_have_text("second name")
    page.get_by_role("button", name="Archive").click()
    expect(page.get_by_role("button", name="Unarchive")).to_be_visible()
    page.goto(f"{served.url}/#/")
    expect(page.get_by_text("second name")).to_have_count(0)
    page.get_by_label("Archive").select_option("with archived")
    expect(page.locator(".experiment")).to_contain_text(["archived"])
    page.reload()
    expect(page.get_by_role("link", name="second name")).to_be_visible()


def test_a_change_that_is_refused_keeps_what_was_written(served, lab, visit):
    made = lab.submit(name="n")
    visitor = visit(served.url)
    visitor.expects("422")
    page = visitor.goto(f"#/experiments/{made}")
    page.get_by_role("button", name="Edit").click()
    tags = ", ".join(f"key{number}: x" for number in range(51))
    page.get_by_label("Tags").fill(tags)
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".edit .problem")).to_contain_text("An experiment has up to 50 tags")
    expect(page.get_by_label("Tags")).to_have_value(tags)
