"""Works that would be cited alike, and their letters."""

import pytest
from pybtex import plugin
from pybtex.database import Entry, Person

from autograder.citations import Citations, tell_apart

WORKS = """\
@misc{one, author = {{van der Berg}, Ann and Bo Lee}, title = {One}, year = 2019}
@misc{two, author = {Ann {van der Berg} and Bo Lee}, title = {Two}, year = 2019}
"""


def work(title, year, *authors):
    people = {"author": [Person(name) for name in authors]}
    return Entry("misc", {"title": title, "year": year}, people)


def test_letters_follow_the_order_of_a_list_and_are_given_once():
    works = {
        "ours": work("Ours", "2019", "Zhang, Michael", "Ba, Jimmy", "Lucas, James"),
        "two": work("Two", "2019", "Zhang, Guodong", "Ba, Jimmy"),
        "theirs": work("Theirs", "2019", "Zhang, Guodong", "Xu, Bowen", "Ba, Jimmy"),
        "more": work("More", "2019", "Zhang, Guodong", "Xu, Bowen", "Ba, Jimmy"),
        "later": work("Later", "2020", "Zhang, Guodong", "Xu, Bowen", "Ba, Jimmy"),
    }
    expected = {
        "ours": "2019c",
        "two": "2019",
        "theirs": "2019b",
        "more": "2019a",
        "later": "2020",
    }
    for _ in range(2):  # once more, as in a second build
        tell_apart(works)
        assert {key: entry.fields["year"] for key, entry in works.items()} == expected


@pytest.fixture
def searches(monkeypatch):
    """The searches for a plug-in; each reads the entry points of all packages."""
    made = []

    def entry_points(**what):
        made.append(what)
        return found(**what)

    found = plugin.entry_points
    monkeypatch.setattr(plugin, "entry_points", entry_points)
    return made


def test_no_name_of_an_author_takes_a_search_for_a_plug_in(tmp_path, searches):
    (tmp_path / "works.bib").write_text(WORKS)
    works = Citations(tmp_path / "works.bib")
    reading = len(searches)
    assert works.textual(["one", "two"]) == (
        "van der Berg and Lee (2019a), van der Berg and Lee (2019b)"
    )
    assert works.references().count("\n") == 1
    assert (reading, len(searches)) == (1, 4)  # the file's form; the style's parts
