"""The page in a browser: what people see, set, reach by keys, and what it asks for."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import gaborkit as gk

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
AXE = Path(sys.prefix, "axe/node_modules/axe-core/axe.min.js")

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no chromium with its chromedriver is installed"
)


@pytest.fixture(scope="module")
def address(tmp_path_factory, vae_run):
    """Of a page that is served by the command."""
    folder = tmp_path_factory.mktemp("explore")
    (folder / "runs").mkdir()
    (folder / "runs/vae").symlink_to(vae_run)
    command = [sys.executable, "-m", "gaborkit", "explore", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) as server:
        yield server.stdout.readline().strip()
        server.terminate()


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        # As on a machine without a network.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def until(condition):
    """Wait for something to be true; returns it."""
    for _ in range(1200):  # a minute: torch may have to be loaded
        result = condition()
        if result:
            return result
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def text_of(browser, name):
    return browser.find_element(By.ID, name).get_attribute("textContent")


def settled(browser):
    """Wait until the page shows what its controls say."""
    until(
        lambda: browser.execute_script(
            "return !document.getElementById('panels').classList.contains('busy')"
            " && Boolean(document.getElementById('state').textContent"
            " || document.getElementById('problem').textContent)"
        )
    )


def visit(browser, address, state):
    browser.get("about:blank")
    browser.get(f"{address}#{state}")
    settled(browser)


TABS = ("kernel", "bank", "responses", "recipes", "latent")


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("tab", TABS)
def test_every_tab_shows_panels_fits_and_is_accessible(browser, address, tab, width):
    browser.set_window_size(width, 900)
    visit(browser, address, f"tab={tab}")
    assert text_of(browser, "problem") == ""
    assert len(browser.find_elements(By.CSS_SELECTOR, ".panel")) >= (1 if tab == "latent" else 2)
    # A window may not become as narrow as it is asked to be.
    wide, most = browser.execute_script(
        "return [document.documentElement.scrollWidth, window.innerWidth]"
    )
    assert wide <= most
    if AXE.exists():
        browser.execute_script(AXE.read_text(encoding="utf-8"))
        report = browser.execute_async_script("axe.run().then(arguments[0])")
        assert [(x["id"], x["nodes"][0]["html"]) for x in report["violations"]] == []


def test_nothing_is_asked_of_another_host_and_nothing_is_complained_about(browser, address):
    visit(browser, address, "tab=responses")
    names = browser.execute_script(
        "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    )
    assert len(names) >= 5
    assert all(name.startswith((address, "data:")) for name in names)
    assert browser.get_log("browser") == []


def test_a_slider_changes_the_picture_the_code_and_the_address(browser, address):
    visit(browser, address, "tab=kernel")
    image = browser.find_element(By.CSS_SELECTOR, ".panel img")
    before = image.get_attribute("src")
    slider = browser.find_element(By.CSS_SELECTOR, "[aria-label='Direction, slider']")
    slider.send_keys(Keys.ARROW_RIGHT)
    until(lambda: image.get_attribute("src") != before)
    assert "theta=31" in browser.current_url
    assert browser.find_element(By.ID, "theta").get_attribute("value") == "31"
    settled(browser)
    browser.find_element(By.ID, "show-code").click()
    assert "theta=math.radians(31)" in text_of(browser, "python")
    assert "--theta 31" in text_of(browser, "command")
    browser.find_element(By.ID, "close-code").click()
    # The address alone brings all of it back.
    after = image.get_attribute("src")
    visit(browser, address, browser.current_url.partition("#")[2])
    assert browser.find_element(By.CSS_SELECTOR, ".panel img").get_attribute("src") == after


def test_a_slider_of_a_slow_recipe_shows_a_preview_and_then_the_whole(browser, address):
    visit(browser, address, "tab=recipes&picture=sample:coins")
    slider = browser.find_element(By.CSS_SELECTOR, "[aria-label='Finest wavelength, slider']")
    slider.send_keys(Keys.ARROW_RIGHT)
    until(lambda: "Preview of the middle" in text_of(browser, "state"))
    assert "Preview of the middle" in browser.find_elements(By.CSS_SELECTOR, ".legend")[1].text
    settled(browser)
    assert "Preview" not in text_of(browser, "state")
    assert browser.find_elements(By.CSS_SELECTOR, ".legend")[1].text == ""
    assert browser.find_element(By.ID, "show-code").is_enabled()
    visit(browser, address, "tab=kernel")  # a whole that is still to come is forgotten


def test_tabs_and_surface_are_reached_by_keys(browser, address):
    visit(browser, address, "tab=kernel")
    canvas = browser.find_element(By.CSS_SELECTOR, "canvas.surface")
    drawn = "return arguments[0].toDataURL()"
    before = browser.execute_script(drawn, canvas)
    canvas.send_keys(Keys.ARROW_LEFT)
    assert browser.execute_script(drawn, canvas) != before
    browser.find_element(By.ID, "tab-kernel").send_keys(Keys.ARROW_RIGHT)
    settled(browser)
    assert "tab=bank" in browser.current_url
    assert browser.switch_to.active_element.get_attribute("id") == "tab-bank"


def test_a_choice_shows_the_controls_that_go_with_it(browser, address):
    visit(browser, address, "tab=bank&bank=bob")
    assert not browser.find_elements(By.ID, "wavelength")
    bank = browser.find_element(By.ID, "bank")
    bank.send_keys("grid")
    until(lambda: browser.find_elements(By.ID, "wavelength"))


def test_a_pixel_is_picked_by_mouse_and_keys(browser, address):
    browser.set_window_size(1280, 900)
    visit(browser, address, "tab=responses")
    target = browser.find_element(By.CSS_SELECTOR, ".target")
    webdriver.ActionChains(browser).move_to_element(target).click().perform()
    found = until(lambda: re.search(r"at=(\d+)%2C(\d+)", browser.current_url))
    y, x = map(int, found.groups())
    assert abs(y - 256) <= 2
    assert abs(x - 256) <= 2
    target.send_keys(Keys.ARROW_DOWN, Keys.SHIFT, Keys.ARROW_LEFT)
    until(lambda: f"at={y + 1}%2C{x - 10}" in browser.current_url)
    settled(browser)
    titles = [title.text for title in browser.find_elements(By.CSS_SELECTOR, ".panel h2")]
    assert f"At y = {y + 1}, x = {x - 10}" in titles


def test_a_picture_of_ones_own_is_taken(browser, address, tmp_path):
    mine = tmp_path / "mine.png"
    gk.write_image(mine, np.random.default_rng(0).integers(0, 255, (30, 40), np.uint8))
    visit(browser, address, "tab=responses")
    browser.find_element(By.ID, "picture-file").send_keys(str(mine))
    until(lambda: "picture=mine.png" in browser.current_url)
    settled(browser)
    assert text_of(browser, "problem") == ""
    assert "mine.png, 40 × 30 px" in browser.find_element(By.CSS_SELECTOR, ".legend").text


def test_what_cannot_be_is_said_and_what_was_there_is_left(browser, address, tmp_path):
    visit(browser, address, "tab=kernel&sigma=900")
    assert "sigma 900: give a number from 0.5 to 32" in text_of(browser, "problem")
    wrong = tmp_path / "wrong.png"
    wrong.write_bytes(b"no picture")
    visit(browser, address, "tab=responses")
    browser.find_element(By.ID, "picture-file").send_keys(str(wrong))
    until(lambda: "wrong.png" in text_of(browser, "problem"))
    assert "picture=" not in browser.current_url


def test_strokes_are_painted_by_mouse_and_keys_and_undone(browser, address):
    browser.set_window_size(1280, 900)
    visit(browser, address, "tab=recipes&recipe=segment&picture=sample:brick&strokes=1:9,9")
    sheet = browser.find_element(By.CSS_SELECTOR, "svg.target")
    browser.find_element(By.XPATH, "//button[starts-with(., 'Pen 2')]").click()
    chain = webdriver.ActionChains(browser).move_to_element(sheet).click_and_hold()
    chain.move_by_offset(30, 10).release().perform()
    until(lambda: re.search("strokes=1%3A9%2C9%3B2%3A", browser.current_url))
    painted = browser.current_url
    sheet.send_keys(" ", Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, " ")
    until(lambda: browser.current_url.count("%3B2%3A") == 2)
    for _ in range(2):
        browser.find_element(By.XPATH, "//button[.='Undo']").click()
    until(lambda: "%3B" not in browser.current_url)
    assert painted != browser.current_url
    settled(browser)


def test_a_latent_changes_the_picture(browser, address):
    visit(browser, address, "tab=latent")
    image = browser.find_element(By.CSS_SELECTOR, ".panel img")
    before = image.get_attribute("src")
    slider = browser.find_element(By.CSS_SELECTOR, "[aria-label='Latents 1, slider']")
    slider.send_keys(*[Keys.ARROW_RIGHT] * 20)
    until(lambda: image.get_attribute("src") != before)
    assert "at=0%2C1" in browser.current_url
