"""Lists on the page: what is edited in place, archived, and found again."""

import pytest

from service.experiments import leaders
from tests.support.page_visitors import NARROW, expect
from tests.support.processes import wait_for

pytestmark = pytest.mark.slow


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
    page.get_by_role("form", name="Edit").get_by_label("Name").fill("third name")
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
        leaders.renew(session)
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
    expect(page.get_by_role("checkbox")).to_have_count(3)
    for box in page.get_by_role("checkbox").all():
        box.check()
    expect(bulk.get_by_role("status")).to_have_text("3 selected")
    bulk.get_by_label("Set key: value").fill("course: dl")
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
    page.get_by_label("Save this view as").fill("my course")
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


def test_runs_have_chosen_columns_limits_and_an_order_both_ways(served, lab, visit):
    made = lab.submit(activation=["relu", "tanh", "elu"], seeds=2)
    values = iter((0.5, 0.6, 0.9, 0.8, 0.7, 0.4))
    while claim := lab.claim():
        lab.train(claim, val_accuracy=next(values))
    page = visit(served.url).goto(f"#/experiments/{made}")
    table = page.locator(".runs")
    page.locator(".columns summary").click()
    for name in ("Activation", "Test accuracy"):
        page.locator(".columns").get_by_label(name, exact=True).check()
    page.locator(".columns").get_by_label("Validation loss").uncheck()
    page.locator(".columns summary").click()
    heading = table.get_by_role("button", name="Activation")
    heading.click()
    expect(table.locator('[aria-sort="ascending"]')).to_have_text("Activation")
    expect(table.locator("tbody tr").first).to_contain_text("elu")
    heading.click()
    expect(table.locator('[aria-sort="descending"]')).to_have_text("Activation")
    expect(table.locator("tbody tr").first).to_contain_text("tanh")
    page.locator("section:has(.runs)").get_by_label("from", exact=True).fill("0.65")
    page.locator("section:has(.runs)").get_by_label("from", exact=True).press("Enter")
    expect(table.locator("tbody tr")).to_have_count(3)
    page.reload()
    expect(table.locator("tbody tr")).to_have_count(3)
    expect(table.locator("thead")).to_contain_text("Test accuracy")
    expect(table.locator("thead")).not_to_contain_text("Validation loss")
    expect(page.locator("section:has(.runs)").get_by_label("from", exact=True)).to_have_value(
        "0.65"
    )


def test_selected_runs_are_compared_or_cancelled(served, lab, visit):
    made = lab.submit(seeds=4)
    lab.train(lab.taken())
    page = visit(served.url).goto(f"#/experiments/{made}")
    chosen = page.locator(".chosen")
    expect(chosen).to_be_hidden()
    expect(page.locator(".runs tbody input")).to_have_count(4)
    for box in page.locator(".runs tbody input").all()[:3]:
        box.check()
    expect(chosen.get_by_role("status")).to_have_text("3 selected")
    chosen.get_by_role("button", name="Cancel those that have not ended").click()
    expect(page.locator(".runs .badge.cancelled")).to_have_count(2)
    expect(page.locator(".runs .badge.queued")).to_have_count(1)
    chosen.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Compar")
    page.go_back()
    chosen.get_by_role("button", name="Clear the selection").click()
    expect(chosen).to_be_hidden()


def test_an_empty_list_says_what_this_is_and_starts_a_demonstration(served, visit):
    page = visit(served.url).goto("#/")
    expect(page.locator(".empty")).to_contain_text("every combination of the choices you name")
    expect(page.locator(".empty small")).to_contain_text("18 runs, ")
    expect(page.locator(".preset .cost")).to_contain_text(["on one worker"] * 3)
    expect(page.locator(".preset:visible")).to_have_count(3)
    page.get_by_text("more published claims").click()
    expect(page.get_by_role("link", name="Twelve initializations of one block")).to_be_visible()
    page.get_by_role("button", name="Run a short demonstration").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("demonstration")
    expect(page.locator(".progress-text")).to_contain_text("0 of 18 runs")


def test_values_multiply_and_submit_stays_at_hand_on_a_telephone(served, visit):
    page = visit(served.url).goto("#/new")
    plan = page.get_by_role("complementary")
    expect(plan).to_contain_text("3 seeds = 6 runs")
    page.set_viewport_size(NARROW)
    submit = plan.get_by_role("button", name="Submit")
    for place in (0, 900):
        page.evaluate("place => scrollTo(0, place)", place)
        expect(submit).to_be_in_viewport()


def test_the_tab_and_a_notification_tell_when_an_experiment_is_done(served, lab, visit):
    made = lab.submit(name="sweep", seeds=2)
    visitor = visit(served.url)
    visitor.context.grant_permissions(["notifications"])
    visitor.page.add_init_script(
        """window.told = [];
        window.Notification = class {
          static requestPermission = async () => "granted";
          constructor(title, { body }) { window.told.push(`${title}: ${body}`); }
        };"""
    )
    page = visitor.goto(f"#/experiments/{made}")
    page.get_by_role("button", name="Tell me when it is done").click()
    expect(page.get_by_role("button", name="You will be told")).to_be_disabled()
    lab.train(lab.taken())
    expect(page).to_have_title("50% sweep · Actinium")
    lab.train_all()
    expect(page).to_have_title("✓ sweep · Actinium")
    wait_for(lambda: page.evaluate("window.told.length"), what="the browser tells")
    (told,) = page.evaluate("window.told")
    assert told.startswith("sweep: completed. 2 of 2 runs")


def test_paper_has_the_content_alone(served, lab, visit):
    made = lab.submit(activation=["relu", "tanh"])
    lab.train_all()
    page = visit(served.url, color_scheme="dark").goto(f"#/experiments/{made}")
    page.emulate_media(media="print")
    for hidden in ("#bar", ".toolbar", ".actions"):
        expect(page.locator(hidden).first).to_be_hidden()
    expect(page.locator(".ranking")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(31, 35, 40)"
