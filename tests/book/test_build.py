"""What a build runs, what it writes, and what it refuses."""

from __future__ import annotations

import re
import shutil

import pytest

pytestmark = pytest.mark.slow


def test_first_build(built):
    course, build = built
    assert build.status == 0, build.stderr
    assert build.ran == {"02_rmsprop", "03_adam"}
    assert "WARNING" not in build.stdout + build.stderr
    assert "book: 4 pages in _build/html" in build.stderr
    assert "0.25" in course.page("02_rmsprop")
    assert "0.75" in course.page("03_adam")


def test_works_of_the_same_authors_and_year_are_told_apart(built):
    course, _ = built
    cited = re.sub(r"<[^>]*>", "", course.page("02_rmsprop"))
    assert "Zhang et al. [2019b], and no longer [Zhang et al., 2019c]." in cited
    listed = re.sub(r"<[^>]*>", "", course.page("bibliography"))
    assert re.search(r"Three mechanisms of weight decay.*2019b\.", listed)
    assert re.search(r"Lookahead optimizer.*2019c\.", listed)


def test_solutions_stay_out_of_the_environment(built):
    assert "left in the environment: None" in built[1].stdout


def test_nothing_built_holds_a_solution(built):
    course, _ = built
    built_files = [file for file in course.root.rglob("_build/**/*") if file.is_file()]
    assert any(file.name == "searchindex.js" for file in built_files)
    # The cache counts as well: it has what cells printed, not what they called.
    for file in built_files:
        content = file.read_bytes()
        assert b"MARKER" not in content, file
        assert b"only_the_instructor_knows" not in content, file


def test_no_page_has_what_a_cell_prints_for_the_notebook_alone(built):
    html = built[0].root / "_build" / "html"
    files = [file for file in html.rglob("*") if file.is_file()]
    assert any(b'"alone"' in file.read_bytes() for file in files)  # the code
    assert not any(b"notebook alone" in file.read_bytes() for file in files)


def test_changed_solution_changes_the_page(course):
    course.replace("solutions/adam.py", "0.75", "0.875")
    build = course.build()
    assert (build.status, build.ran) == (0, {"03_adam"})
    assert "0.88" in course.page("03_adam")
    assert "0.75" not in course.page("03_adam")
    assert "0.875" in course.page("index")  # which quotes the chapter's value


def test_changed_result_runs_what_loads_results(course):
    results = course.root / "descentlab" / "results"
    code = "adam_step(1.0))\nfrom descentlab import results"
    course.replace("chapters/03_adam.md", "adam_step(1.0))", code)
    assert course.build().ran == {"03_adam"}
    (results / "new.json").write_text("{}")
    assert course.build().ran == {"03_adam"}
    assert course.build().ran == set()


def test_changed_solution_that_a_later_chapter_recalls_runs_both(course):
    course.replace("solutions/rmsprop.py", "0.25", "0.5")
    assert course.build().ran == {"02_rmsprop", "03_adam"}


def test_changed_prose_runs_nothing(course):
    course.replace("chapters/02_rmsprop.md", "first edition", "second edition")
    build = course.build()
    assert (build.status, build.ran) == (0, set())
    assert "second edition" in course.page("02_rmsprop")


def test_changed_points_and_captions_run_nothing(course):
    course.replace("chapters/02_rmsprop.md", "caption: A line.", "caption: A curve.")
    cell = "```{code-cell} ipython3\nglue("
    course.replace(
        "chapters/03_adam.md", cell, f"{cell[:24]}:tags: [points-4]\n\nglue("
    )
    build = course.build()
    assert (build.status, build.ran) == (0, set()), build.stderr
    assert "A curve." in course.page("02_rmsprop")
    assert "0.75" in course.page("03_adam")


def test_chapter_edited_while_it_runs_is_built_as_it_was_and_then_anew(course):
    edit = (
        "```{code-cell} ipython3\n"
        "from pathlib import Path\n"
        "page = Path('02_rmsprop.md')\n"
        "text = page.read_text().replace('first edition', 'second edition')\n"
        "page.write_text(text.replace('step(1.0)', 'step(2.0)'))\n"
        "```\n\n"
    )
    course.replace("chapters/02_rmsprop.md", "By {eq}", f"{edit}By {{eq}}")
    build = course.build()
    assert (build.status, build.ran) == (0, {"02_rmsprop"}), build.stderr
    assert "second edition" in (course.root / "chapters/02_rmsprop.md").read_text()
    page = course.page("02_rmsprop")
    assert "first edition" in page and "0.25" in page

    build = course.build()
    assert (build.status, build.ran) == (0, {"02_rmsprop"}), build.stderr
    page = course.page("02_rmsprop")
    assert "second edition" in page and "0.50" in page


def test_changed_package_runs_all(course):
    course.replace("descentlab/exercise.py", '"""What ties', '"""All that ties')
    build = course.build()
    assert (build.status, build.ran) == (0, {"02_rmsprop", "03_adam"})


def test_changed_code_runs_its_chapter_and_old_code_a_new_solution(course):
    course.replace("chapters/03_adam.md", "adam_step(1.0)", "adam_step(2.0)")
    build = course.build()
    assert (build.status, build.ran) == (0, {"03_adam"})
    assert "1.50" in course.page("03_adam")
    # The cache still has the run of the old code, with the old solution's numbers.
    course.replace("chapters/03_adam.md", "adam_step(2.0)", "adam_step(1.0)")
    course.replace("solutions/adam.py", "0.75", "0.875")
    assert course.build().ran == {"03_adam"}
    assert "0.88" in course.page("03_adam")


def test_page_older_than_the_cache_is_written_again(course):
    """As after a build that was stopped between the runs and the pages."""
    products = [course.root / "_build" / name for name in (".doctrees", "html")]
    for folder in products:
        shutil.copytree(folder, folder.with_suffix(".old"))
    course.replace("solutions/adam.py", "0.75", "0.875")
    assert course.build().ran == {"03_adam"}
    for folder in products:
        shutil.rmtree(folder)
        folder.with_suffix(".old").rename(folder)
    build = course.build()
    assert (build.status, build.ran) == (0, set())
    assert "0.88" in course.page("03_adam")


def test_cells_that_fail_are_named_until_they_are_mended(course):
    course.replace("_config.yml", "timeout: 600", "timeout: 10")
    course.replace("chapters/02_rmsprop.md", 'glue("rms', '1 / 0\nglue("rms')
    course.replace("chapters/03_adam.md", 'glue("adam', 'while True: pass\nglue("adam')
    raises = (
        f"chapters/02_rmsprop.md:{_cell(course, '02_rmsprop')}: the cell raises Zero"
    )
    takes = (
        f"chapters/03_adam.md:{_cell(course, '03_adam')}: the cell takes longer than"
    )
    build = course.build()
    assert build.status != 0
    assert raises in build.stderr
    assert takes in build.stderr

    course.replace("chapters/03_adam.md", "while True: pass\n", "")
    build = course.build()
    assert build.status != 0
    assert raises in build.stderr
    assert takes not in build.stderr

    course.replace("chapters/02_rmsprop.md", "1 / 0\n", "")
    assert course.build().status == 0


def _cell(course, name):
    """The line, counted from 1, where the cell begins that glues the value."""
    text = (course.root / "chapters" / f"{name}.md").read_text()
    start = text.rindex("```{code-cell}", 0, text.index("glue("))
    return 1 + text[:start].count("\n")


def test_reference_to_nowhere_fails_the_build(course):
    course.replace("chapters/index.md", "`02_rmsprop`", "`04_nowhere`")
    build = course.build()
    assert build.status != 0
    assert "04_nowhere" in build.stderr
