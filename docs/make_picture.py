"""Take docs/report.png and docs/notebook.png, the pictures of the README: python docs/make_picture.py.

Run ``arogya-bench run experiment=demo`` and ``arogya-bench compare demo`` first. The script reads
reports/report.html in the working directory, of which the first screen is taken, and runs the README's example in
Python, whose comparison is taken as a notebook shows it. It needs Chromium and the extra ``dev``.
"""

import shutil
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

REPORT = Path("reports/report.html")
PICTURE = Path(__file__).with_name("report.png")
NOTEBOOK = Path(__file__).with_name("notebook.png")
README = Path(__file__).parents[1] / "README.md"
SCREEN = {"width": 1200, "height": 900}  # pixels
CELL = {"width": 720, "height": 600}
LIKE_JUPYTER = "body { font: 14px sans-serif } table { border-collapse: collapse } th, td { padding: 4px 12px }"


def main() -> int:
    """Return the exit code."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.stderr.write("Chromium is not installed.\nFix: apt-get install chromium\n")
        return 2
    if not REPORT.is_file():
        sys.stderr.write(f"There is no {REPORT}.\nFix: arogya-bench compare demo\n")
        return 2
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport=SCREEN)
        page.goto(REPORT.absolute().as_uri())
        page.screenshot(path=PICTURE)
        take_notebook(browser, run_example())
        browser.close()
    return 0


def run_example() -> str:
    """Return what a notebook shows of the comparison of the README's example."""
    names: dict[str, Any] = {}
    code = README.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    exec(compile(code, README.name, "exec"), names)
    return str(names["comparison"]._repr_html_())


def take_notebook(browser: Browser, html: str) -> None:
    """Take what a notebook shows, without the link to the runs on this machine."""
    page = browser.new_page(viewport=CELL)
    page.set_content(f"<!doctype html><style>{LIKE_JUPYTER}</style>{html}")
    page.locator(".arogya-bench > p:last-child").evaluate("element => element.remove()")
    page.locator(".arogya-bench").screenshot(path=NOTEBOOK)


if __name__ == "__main__":
    sys.exit(main())
