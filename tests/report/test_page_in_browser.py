"""The page in a real browser: its script, its accessibility, its widths, and paper."""

import shutil

import pytest

CHROMIUM = shutil.which("chromium")
WIDTHS = (1280, 400)
LONG = "a-model-with-a-name-of-200-letters-" + 165 * "x"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def file(measured, tmp_path_factory):
    """A page with measurements, warnings and all kinds of columns."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    measured.to_html(path)
    return path


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser):
    """Open a file; a page that logs an error or a violation of its policy fails the test."""
    contexts, problems = [], []

    def open_file(path, *, width=1280, scheme="light", **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.goto(path.as_uri())
        return page

    yield open_file
    for context in contexts:
        context.close()
    assert not problems


def open_all(page):
    page.evaluate("document.querySelectorAll('main details').forEach(part => part.open = !part.matches('.menu'))")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_accessible(opened, file, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    page = opened(file, width=width, scheme=scheme, bypass_csp=True)
    open_all(page)

    found = axe.Axe().run(page).response["violations"]

    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found if rule["impact"] != "minor"] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_only_tables_and_charts_scroll_sideways(opened, file, width):
    page = opened(file, width=width)
    open_all(page)

    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_no_text_of_a_chart_is_below_10_pixels(opened, file):
    page = opened(file, width=400)
    open_all(page)

    sizes = page.evaluate(
        "[...document.querySelectorAll('.chart svg')].flatMap(svg => [...svg.querySelectorAll('text')].map(text =>"
        " parseFloat(getComputedStyle(text).fontSize) * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width))"
    )

    assert len(sizes) > 50
    assert min(sizes) >= 10


def column(page, header):
    place = page.evaluate(
        "header => [...document.querySelectorAll('[id$=-leaderboard] th[scope=col]')]"
        ".findIndex(cell => cell.innerText.trim().startsWith(header))",
        header,
    )
    return page.locator(f"[id$=-leaderboard] tbody tr > :nth-child({place + 1})")


def test_a_click_on_a_header_sorts_and_another_turns_the_order(opened, file):
    page = opened(file)
    button = page.locator("[id$=-leaderboard] thead button.sort").nth(1)

    orders = [column(page, "model").all_inner_texts()]
    for _ in range(2):
        button.press("Enter")
        orders.append(column(page, "model").all_inner_texts())

    assert orders == [["opencv", "prior"], ["opencv", "prior"], ["prior", "opencv"]]
    assert page.locator("[id$=-leaderboard] th[aria-sort=descending]").count() == 1


def test_a_column_can_be_hidden(opened, file):
    page = opened(file)
    page.get_by_text("Columns").first.click()

    page.locator("[id$=-leaderboard] .menu label").nth(1).click()

    assert not column(page, "model").first.is_visible()


def test_a_filter_leaves_the_rows_that_hold_the_text(opened, file):
    page = opened(file)
    open_all(page)
    field = page.locator("input[type=search]").first
    table = field.locator("xpath=following::tbody[1]")

    field.fill("no row has this")

    assert table.locator("tr:visible").count() == 0


def test_a_question_mark_explains_a_term_beside_it(opened, file):
    page = opened(file)

    page.locator("[id$=-leaderboard] a.term").first.click()

    assert page.locator(".bubble").is_visible()
    assert "#" not in page.url


def test_without_scripts_the_page_is_complete(opened, file):
    page = opened(file, java_script_enabled=False)

    page.locator("[id$=-leaderboard] a.term").first.click()

    assert "#term-" in page.url
    assert not page.locator("button").count()
    assert page.locator("nav a").first.is_visible()


def test_the_switch_turns_the_page_dark_and_back(opened, file):
    page = opened(file)
    switch = page.locator("header button")

    colours = [page.evaluate("getComputedStyle(document.body).backgroundColor")]
    for _ in range(2):
        switch.click()
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    assert colours[0] == colours[2] == "rgb(255, 255, 255)"
    assert colours[1] == "rgb(20, 25, 31)"


def test_a_link_into_a_closed_part_opens_it(opened, file):
    page = opened(file)
    part = page.locator("details.section").first

    page.goto(f"{file.as_uri()}#{part.get_attribute('id')}")

    assert part.get_attribute("open") is not None


def test_paper_is_light_and_has_the_closed_parts(opened, file):
    page = opened(file, scheme="dark")
    page.emulate_media(media="print")

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible()
    with_parts = len(page.pdf())
    page.evaluate("document.querySelectorAll('details').forEach(part => part.remove())")
    assert len(page.pdf()) < with_parts


def test_in_a_frame_of_mlflow_the_page_works_without_storage(opened, file, tmp_path):
    frame = tmp_path / "frame.html"
    frame.write_text(f'<iframe sandbox="allow-scripts" src="{file.as_uri()}" width="1000" height="800"></iframe>')
    page = opened(frame)

    page.frame_locator("iframe").locator("header button").click()

    assert page.frame_locator("iframe").locator("html").get_attribute("data-theme") == "dark"


def test_a_name_of_200_letters_leaves_room_for_the_numbers(opened, renamed, tmp_path):
    renamed("opencv", LONG).to_html(tmp_path / "long.html")
    page = opened(tmp_path / "long.html", width=400)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")

    assert page.evaluate("document.documentElement.scrollWidth") == 400
    assert page.locator("[id$=-leaderboard] tbody th").first.bounding_box()["width"] < 200


def test_the_pages_of_a_site_open_without_a_server(opened, twofold, tmp_path):
    twofold.to_site(tmp_path / "site")
    page = opened(tmp_path / "site" / "index.html")

    page.get_by_text("All results: clinic").click()

    assert page.url.endswith("dataset-clinic.html")
    assert page.locator("h2").first.inner_text() == "clinic"
    page.get_by_role("link", name="All datasets").click()
    assert page.url.endswith("index.html")
