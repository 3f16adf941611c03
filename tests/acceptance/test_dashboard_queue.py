"""The page's queue: workers, who waits, and a notice of what no worker can take."""

from sqlalchemy import insert

from service.database.tables import Worker
from tests.support.page_visitors import expect


def test_the_queue_tells_who_works_who_waits_and_what_nobody_can_take(served, lab, visit):
    lab.submit("ada", device="cuda", seeds=2, name="on a GPU")
    lab.submit("bob", name="small")
    visitor = visit(served.url)
    page = visitor.goto("#/")
    notice = page.locator(".blocked")
    expect(notice).to_contain_text("2 runs wait, and no worker was seen lately.")
    with lab.sessions.begin() as session:
        session.execute(insert(Worker).values(name="one", device="cpu", memory_bytes=2**31))
    claim = lab.taken("one", name="AMD EPYC")
    page = visitor.goto("#/queue")
    expect(notice).to_have_text("2 runs wait for a cuda worker, and none was seen lately.")
    workers = page.locator("section", has=page.locator("#workers-title"))
    expect(workers.locator("tbody tr")).to_contain_text(["one"])
    expect(workers).to_contain_text("AMD EPYC")
    expect(workers).to_contain_text("2 GiB")
    expect(workers).to_contain_text("1 run")
    callers = page.locator("section", has=page.locator("#callers-title"))
    expect(callers.locator("tbody th")).to_have_text(["ada", "bob"])
    lab.train(claim)
    expect(workers).to_contain_text("idle")
    expect(callers.locator("tbody th")).to_have_text(["ada"])
    page.get_by_role("button", name="\u4e2d\u6587").click()
    expect(notice).to_contain_text("\u6b21\u8fd0\u884c\u5728\u7b49\u5f85 cuda")
