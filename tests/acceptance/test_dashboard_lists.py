"""Lists on the page: what is edited in place, archived, and found again."""

from service.experiments import overviews
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


def test_the_list_shows_what_varied_and_what_leads(served, lab, visit):
    lab.submit(name="grid", activation=["relu", "tanh"], batch_size=[1, 2, 4, 8, 16], seeds=2)
    while claim := lab.claim():
        accuracy = 0.9 if claim.config["activation"]["name"] == "tanh" else 0.5
        lab.train(claim, val_accuracy=accuracy)
    page = visit(served.url).goto("#/")
    row = page.locator(".experiment")
    expect(row.locator(".varied")).to_have_text("Activation: relu, tanh · Batch size (5)")
    expect(row.locator(".best")).to_have_count(0)
    with lab.sessions() as session:
        overviews.renew(session)
    page.reload()
    expect(row.locator(".best b")).to_have_text("90.00%")
    expect(row.locator(".best")).to_contain_text("tanh")
    expect(row.locator(".best")).to_contain_text("2 of 2 seeds trained")


def test_several_experiments_are_tagged_archived_and_deleted_at_once(served, lab, visit):
    done = [lab.submit(name=f"done {number}") for number in range(2)]
    lab.train_all()
    lab.submit(name="waits", activation="tanh")
    visitor = visit(served.url)
    page = visitor.goto("#/")
    bulk = page.get_by_role("region", name="Selected experiments")
    expect(bulk).to_be_hidden()
    for box in page.get_by_role("checkbox").all():
        box.check()
    expect(bulk.get_by_role("status")).to_have_text("3 selected")
    bulk.get_by_label("Tags to set").fill("course: dl")
    bulk.get_by_role("button", name="Tag").click()
    expect(page.locator(".experiment .tag")).to_have_text(["course: dl"] * 3)
    page.get_by_label("Select waits").uncheck()
    page.get_by_label("Select done 0").uncheck()
    bulk.get_by_role("button", name="Archive").click()
    expect(page.get_by_role("link", name="done 1")).to_have_count(0)
    expect(bulk).to_be_hidden()
    page.get_by_label("Select waits").check()
    page.get_by_label("Select done 0").check()
    visitor.expects("409")
    visitor.expects("Delete 2 experiments")
    page.on("dialog", lambda dialog: dialog.accept())
    bulk.get_by_role("button", name="Delete").click()
    expect(bulk.locator("li")).to_have_text(
        "waits: The experiment has runs that are queued or running. Cancel it first."
    )
    expect(page.locator(".experiment")).to_have_count(1)
    assert served.client.get(f"/v1/experiments/{done[0]}").status_code == 404
    bulk.get_by_role("button", name="Cancel").click()
    expect(page.locator(".badge.cancelled")).to_be_visible()


def test_a_view_is_saved_under_a_name_and_bad_stored_ones_are_none(served, lab, visit):
    lab.submit(name="one", tags={"course": "dl"})
    lab.submit(name="two")
    page = visit(served.url).goto("#/?tag=course:dl")
    page.get_by_text("Saved views").click()
    page.get_by_label("Name of this view").fill("my course")
    page.get_by_role("button", name="Save").click()
    page.goto(f"{served.url}/#/queue")
    page.goto(f"{served.url}/#/")
    expect(page.locator(".experiment")).to_have_count(2)
    page.get_by_text("Saved views").click()
    page.get_by_role("link", name="my course").click()
    expect(page.locator(".experiment")).to_have_count(1)
    page.get_by_text("Saved views").click()
    page.get_by_role("button", name="Forget my course").click()
    expect(page.get_by_role("link", name="my course")).to_have_count(0)
