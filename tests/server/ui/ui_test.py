#!/usr/bin/env python3
"""The page at /ui in a headless browser: what it shows must be what the program answers. Exit code 77 where no Chromium is.

    ui_test.py ROBERTA
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools/serve"))
from browser import Browser, chromium  # noqa: E402
from server import SMALL, Server  # noqa: E402
from tiny_models import make_models  # noqa: E402
from wire import post  # noqa: E402

PROGRAM = sys.argv[1]
ROWS = "[...document.querySelectorAll('.bars li')].map(li => [...li.children].map(part => part.textContent))"


def need(good, *what):
    if not good:
        raise AssertionError(" ".join(map(str, what)))


def program(*words, model=SMALL):
    return json.loads(subprocess.run([PROGRAM, *words, "--model", model, "--format", "json"], capture_output=True, check=True, text=True).stdout)


def near(shown, score):
    """A percentage as the page writes it; its last digit may be rounded the other way."""
    return abs(float(shown.removesuffix(" %")) - score * 100) < (0.011 if score < 0.0995 else 0.11)


def fill_mask(browser, url):
    browser.open(f"{url}/ui#fill-mask?text=Paris+is+the+%3Cmask%3E+of+France.&run=1")
    browser.wait("document.querySelectorAll('.bars li').length == 5")
    expected = program("fill-mask", "Paris is the <mask> of France.")
    for row, fill in zip(browser.evaluate(ROWS), expected, strict=True):
        need(row[0] == fill["token_str"].strip() and near(row[2], fill["score"]) and row[3] == fill["sequence"], row, fill)
    need("roberta-small-english" in browser.evaluate("document.title"))
    facts = browser.evaluate("document.getElementById('facts').innerText")
    need("fill-mask" in facts and "8.6 M parameters" in facts and "fp32" in facts, facts)

    # Another number of words, only some of them; the form is used as a reader of the page would.
    browser.evaluate("document.querySelector('[name=targets]').value = ' city, capital,'")
    browser.evaluate("document.querySelector('form.card').requestSubmit()")
    browser.wait("document.querySelectorAll('.bars li').length == 2")
    words = {row[0] for row in browser.evaluate(ROWS)}
    need(words == {"capital", "city"}, words)
    need("targets=city%2C+capital" in browser.evaluate("location.hash"), browser.evaluate("location.hash"))

    # Two masks, the second put in by the button; then a word is chosen for one.
    browser.open(f"{url}/ui#fill-mask")
    browser.wait("document.querySelector('textarea')")
    browser.evaluate("(() => { const t = document.querySelector('textarea'); t.value = 'The <mask> sat on the .';"
                     " t.setSelectionRange(22, 22); })()")
    browser.evaluate("[...document.querySelectorAll('button')].find(b => b.textContent == 'Insert <mask>').click()")
    need(browser.evaluate("document.querySelector('textarea').value") == "The <mask> sat on the <mask>.")
    browser.evaluate("document.querySelector('textarea').focus()")
    browser.press("Enter", 13, modifiers=2)
    browser.wait("document.querySelectorAll('#result h2').length == 2")
    masks = program("fill-mask", "The <mask> sat on the <mask>.")
    need([row[0] for row in browser.evaluate(ROWS)] == [fill["token_str"].strip() for mask in masks for fill in mask], "two masks")
    browser.evaluate("document.querySelectorAll('.bars')[1].querySelector('button').click()")
    browser.wait("document.querySelectorAll('#result h2').length == 0 && document.querySelectorAll('.bars li').length == 5")
    need(browser.evaluate("document.querySelector('textarea').value") == f"The <mask> sat on the{masks[1][0]['token_str']}.")


def tokens(browser, url):
    text = "naïve café <mask> 1990s"
    browser.open(f"{url}/ui#tokens?text=na%C3%AFve+caf%C3%A9+%3Cmask%3E+1990s&run=1")
    browser.wait("document.querySelectorAll('.chip').length > 3")
    chips = browser.evaluate("[...document.querySelectorAll('.chip')].map(c => [c.querySelector('b').textContent, c.querySelector('small').textContent])")
    expected = program("tokenize", text)
    ids = expected["ids"] if "ids" in expected else expected["input_ids"]
    need([int(chip[1].split()[0]) for chip in chips] == ids, chips, expected)
    covered = set()
    for shown, facts in chips:
        if "[" not in facts:
            need(shown in ("<s>", "</s>"), shown)
            continue
        start, stop = map(int, facts.split("[")[1].rstrip(")").split(","))
        need(text[start:stop].replace(" ", "·") == shown, shown, facts)
        covered |= set(range(start, stop))  # a letter of two bytes may be two tokens
    need(covered >= {i for i, letter in enumerate(text) if letter != " "}, covered)
    # The place of the chip under the pointer is marked in the text.
    browser.hover(".chips li:nth-child(3) .chip")
    marked = browser.wait("document.querySelector('#result mark')?.textContent")
    need(marked.replace(" ", "·") == chips[2][0], marked, chips[2])


def embed(browser, url):
    browser.open(f"{url}/ui#embed?first=The+cat+sat.&second=The+cat+sat.&run=1")
    browser.wait("document.querySelector('.figure')")
    need(browser.evaluate("document.querySelector('.figure').textContent") == "1.0000")
    need(browser.evaluate("[...document.querySelectorAll('canvas')].map(c => c.width)") == [288] * 3, "strips")


def errors(browser, url):
    browser.open(f"{url}/ui#fill-mask?text=nothing+to+fill&run=1")
    said = browser.wait("document.querySelector('.error')?.textContent")
    need("can’t use this input" in said and "<mask>" in said, said)
    browser.problems.clear()  # the browser logs every 4xx


def curl(browser, url):
    """The command that the page shows gives what the page showed."""
    browser.open(f"{url}/ui#fill-mask?text=It%27s+a+%3Cmask%3E+day.&run=1")
    browser.wait("document.querySelectorAll('.bars li').length == 5")
    command = browser.evaluate("document.querySelector('details pre').textContent")
    need(command.startswith("curl ") and "fill-mask" in command, command)
    done = subprocess.run(["sh", "-c", command.replace("curl ", "curl -s ", 1)], capture_output=True, text=True)
    if done.returncode == 127:  # no curl here
        return
    words = [fill["token_str"].strip() for fill in json.loads(done.stdout)]
    need(words == [row[0] for row in browser.evaluate(ROWS)], words)


def charts(browser, server):
    browser.open(f"{server.url}/ui#server")
    stop = threading.Event()

    def load():
        with server.connect() as connection:
            while not stop.wait(0.01):
                connection.ask(post("/embed", {"inputs": "The cat sat on the mat."}))

    thread = threading.Thread(target=load)
    thread.start()
    try:
        browser.wait("document.querySelectorAll('.chart').length == 6 && "
                     "[...document.querySelectorAll('.chart svg')].every(s => [...s.querySelectorAll('path')].some(p => p.getAttribute('d').includes('L')))")
        figures = browser.wait("(() => { const f = [...document.querySelectorAll('.chart figcaption b')].map(b => b.textContent);"
                               " return f.every(t => t != '–') && parseFloat(f[0]) > 5 && f; })()")
    finally:
        stop.set()
        thread.join()
    need(figures[1].endswith("s") and figures[5].endswith("iB") and float(figures[3]) >= 1, figures)
    rows = dict(browser.evaluate("[...document.querySelectorAll('table.numbers tr')].map(r => [...r.children].map(c => c.textContent))"))
    need(int(rows["Batches computed"].replace(",", "")) > 5, rows)


def keyboard_and_phone(url):
    with Browser(390, 800, dark=True) as browser:
        browser.open(f"{url}/ui")
        browser.wait("document.querySelectorAll('.bars li').length == 5")  # the example, without being asked
        need(browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than a phone")
        need(browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)", "not dark")
        browser.evaluate("document.querySelector('[role=tab]').focus()")
        browser.press("ArrowRight", 39)
        browser.wait("document.activeElement.id == 'tab-embed' && document.activeElement.getAttribute('aria-selected') == 'true'")
        tabs = browser.evaluate("[...document.querySelectorAll('[role=tab]')].map(t => t.textContent)")
        need(tabs == ["Fill mask", "Embed", "Tokens", "Server"], tabs)
        unnamed = browser.evaluate("[...document.querySelectorAll('input, textarea, select')].filter(f => !f.labels.length && !f.ariaLabel).map(f => f.name)")
        need(unnamed == [], "fields without a label:", unnamed)
        need(not browser.problems, browser.problems)


def docs(browser, url):
    browser.open(f"{url}/docs#tokenize")
    browser.wait("document.querySelector('#tokenize[open] button')")
    count = browser.evaluate("fetch('openapi.json').then(r => r.json()).then(d => Object.values(d.paths).flatMap(p => Object.keys(p)).length)")
    need(browser.evaluate("document.querySelectorAll('.op').length") == count, count)
    for example in browser.evaluate("[...document.querySelectorAll('.op')].map(o => o.id)"):
        browser.evaluate(f"document.getElementById('{example}').open = true")
    browser.wait("[...document.querySelectorAll('.op')].every(o => o.querySelector('button'))")
    browser.evaluate("document.querySelector('#tokenize button').click()")
    said = browser.wait("document.querySelector('#tokenize [aria-live] pre')?.textContent")
    need(json.loads(said)[0][0]["text"] == "<s>", said)


def other_tasks(folder):
    """Classifiers and the like, each shown by the first model that can do it."""
    models = make_models(PROGRAM, folder)
    text = "Marie Curie was born in Warsaw."
    words = [word for directory in models.values() for word in ("--model", directory)]
    with Server(PROGRAM, *words) as server, Browser() as browser:
        server.wait_ready()

        def run(tab, **fields):
            browser.open(f"{server.url}/ui#{tab}?{urllib.parse.urlencode({**fields, 'run': 1})}")
            browser.wait("document.querySelectorAll('.bars li').length > 0")
            need(not browser.problems, tab, browser.problems)
            return browser.evaluate(ROWS)

        rows = run("text-classification", text=text)
        found = program("classify", "--all-scores", text, model=models["nli"])
        need([row[0] for row in rows] == [label["label"] for label in found] and near(rows[0][2], found[0]["score"]), rows, found)
        need(browser.evaluate("[...document.querySelectorAll('#model option')].map(o => o.value)") == [SMALL.name, *models], "choice of models")
        rows = run("zero-shot-classification", text=text, labels="science, sport")
        found = program("zero-shot", "--labels", "science,sport", text, model=models["nli"])
        need([row[0] for row in rows] == found["labels"] and near(rows[0][2], found["scores"][0]), rows, found)
        rows = run("token-classification", text=text)
        found = program("tag", text, model=models["names"])
        parts = [text[tag["start"]:tag["end"]] for tag in found]
        need([row[0] for row in rows] == parts, rows, found)
        need(browser.evaluate("[...document.querySelectorAll('mark')].map(m => m.firstChild.textContent)") == parts, "marks")
        rows = run("question-answering", question="Where was she born?", context=text)
        found = program("answer", "--top-k", "3", "--context", text, "Where was she born?", model=models["answers"])
        need([row[0] for row in rows] == [answer["answer"] for answer in found], rows, found)
        need(browser.evaluate("document.querySelector('mark').textContent") == text[found[0]["start"]:found[0]["end"]], "the answer in its text")


def keys():
    with Server(PROGRAM, "--api-key", "opensesame") as server, Browser() as browser:
        server.wait_ready()
        browser.open(f"{server.url}/ui#fill-mask?run=1")
        browser.wait("document.getElementById('key-form')?.hidden === false")
        need(not browser.evaluate("document.querySelectorAll('[role=tab]').length"), "tabs without a key")
        browser.evaluate("document.getElementById('key').value = 'opensesame'")
        browser.evaluate("document.getElementById('key-form').requestSubmit()")
        browser.wait("document.querySelectorAll('.bars li').length == 5")
        need("opensesame" not in browser.evaluate("document.querySelector('details pre').textContent"), "the key is in the curl command")


def main():
    if not chromium():
        print("ui: no chromium is installed: skipped")
        return 77
    with Server(PROGRAM, "--threads", "1") as server:
        server.wait_ready()
        with Browser() as browser:
            for part in (fill_mask, tokens, embed, errors, curl, docs):
                part(browser, server.url)
                need(not browser.problems, part.__name__, browser.problems)
            charts(browser, server)
            need(not browser.problems, browser.problems)
        keyboard_and_phone(server.url)
    keys()
    with tempfile.TemporaryDirectory() as folder:
        other_tasks(folder)
    print("ui: passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
