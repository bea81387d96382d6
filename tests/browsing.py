"""A real browser: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import contextlib
import shutil

import pytest


@contextlib.contextmanager
def chromium():
    """The browser, for as long as the context lasts; where there is none, the test fails."""
    from playwright.sync_api import sync_playwright

    binary = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if binary is None:
        pytest.fail("no Chromium on PATH: install Debian's package `chromium` (apt-get install chromium)")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        yield found
        found.close()


def open_page(browser, path, **options):
    """The page, and what went wrong while it loaded."""
    page, trouble, asked = browser.new_page(**options), [], []
    page.on("console", lambda message: trouble.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("requestfailed", lambda request: trouble.append(f"failed: {request.url[:80]}"))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri(), wait_until="load")
    return page, trouble, [url for url in asked if not url.startswith("data:")]
