"""Take docs/report.png, the first screen of the demo's report: python docs/make_picture.py.

Run ``arogya-bench run experiment=demo`` and ``arogya-bench compare demo`` first. The script reads
reports/report.html in the working directory, and needs Chromium and the extra ``dev``.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

REPORT = Path("reports/report.html")
PICTURE = Path(__file__).with_name("report.png")
SCREEN = {"width": 1200, "height": 900}  # pixels


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
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
