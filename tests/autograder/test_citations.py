"""Works that would be cited alike, and their letters."""

from pybtex.database import Entry, Person

from autograder.citations import tell_apart


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
