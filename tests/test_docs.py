"""The docs are true: every variable, link, path, function, command and make target they name exists."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands

from omniroute_site.environment import ENVIRONMENT
from providers.catalogue import AuthStyle, LoginFlow, catalogue
from providers.catalogue.reader import read_vendor
from translator.dialect import UPSTREAM_DIALECTS

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")], key=lambda page: page.as_posix()
)
PACKAGES = ("omniroute_site", "combos", "billing", "health", "providers", "translator")
FOLDERS = (*PACKAGES, "templates", "tests", "docs")
PROMISED = (
    "JWT_SECRET", "INITIAL_PASSWORD", "DATA_DIR", "PORT", "HOSTNAME", "NODE_ENV", "BASE_URL", "CLOUD_URL",
    "API_KEY_SECRET", "REQUIRE_API_KEY", "ENABLE_REQUEST_LOGS", "AUTH_COOKIE_SECURE",
)  # fmt: skip

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(rf"(?:{'|'.join(FOLDERS)})/[\w./*-]*[\w*](?::[\w.]+)?")
AT_THE_TOP = re.compile(r"(?:manage\.py|Makefile|LICENSE|\.env\.example|[\w-]+\.(?:toml|lock|yaml|md))")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def code(text: str) -> list[str]:
    """What stands in code spans and in fenced blocks."""
    blocks = [block for _, block in FENCED.findall(text)]
    return blocks + SPAN.findall(FENCED.sub("", text))


class TestTheEnvironment:
    def test_the_names_that_were_promised_are_read(self) -> None:
        assert set(PROMISED) <= set(ENVIRONMENT)

    def test_the_example_lists_each_variable_with_its_default(self) -> None:
        text = (ROOT / ".env.example").read_text()
        listed = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", text, re.M))
        assert listed == {name: written(default) for name, (_, default) in ENVIRONMENT.items()}

    def test_the_example_says_what_each_is_for(self) -> None:
        lines = (ROOT / ".env.example").read_text().splitlines()
        assert all(lines[place - 1].startswith("# ") for place, line in enumerate(lines) if "=" in line.split(" ")[0])

    @pytest.mark.parametrize("name", ENVIRONMENT)
    def test_the_page_on_configuration_has_a_row_for_it(self, name: str) -> None:
        assert re.search(rf"^\| `{name}` \|", (ROOT / "docs" / "configuration.md").read_text(), re.M)

    def test_nobody_else_looks_at_the_environment(self) -> None:
        files = [ROOT / "manage.py", *(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))]
        looking = {path.relative_to(ROOT).as_posix() for path in files if looks_at_environment(path)}
        assert looking == {"omniroute_site/environment.py", "omniroute_site/supervisor.py"}, (
            "the supervisor hands its own environment on to its children; all others ask environment.py"
        )


def written(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default == [] else str(default)


def looks_at_environment(path: Path) -> bool:
    """Reads of `os.environ`, `os.getenv` or django-environ; to name the settings module is no reading."""
    tree = ast.parse(path.read_text())
    said = {node.func.value for node in ast.walk(tree) if names_the_settings(node)}  # type: ignore[attr-defined]
    return any(node not in said and is_environment(node) for node in ast.walk(tree))


def names_the_settings(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node).startswith(
        "os.environ.setdefault('DJANGO_SETTINGS_MODULE', "
    )


def is_environment(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "environb" | "getenv" | "getenvb"):
            return True
        case ast.ImportFrom(module="os", names=names):
            return any(alias.name in ("environ", "environb", "getenv", "getenvb") for alias in names)
        case ast.Import(names=names):
            return any(alias.name == "environ" for alias in names)
    return False


class TestWhatPagesName:
    @every_page
    def test_links_lead_somewhere(self, page: Path) -> None:
        links = [link for link in LINK.findall(FENCED.sub("", page.read_text())) if "://" not in link]
        assert [link for link in links if not leads_somewhere(page, link)] == []

    @every_page
    def test_files_and_functions_exist(self, page: Path) -> None:
        assert [name for name in named_in(page.read_text()) if not exists(name)] == []

    @every_page
    def test_make_targets_and_commands_exist(self, page: Path) -> None:
        said = "\n".join(code(page.read_text()))
        targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.M))
        assert set(re.findall(r"\bmake ([a-z0-9-]+)", said)) <= targets
        assert set(re.findall(r"manage\.py ([a-z_]+)", said)) <= set(get_commands())


def leads_somewhere(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return target.exists() and (not anchor or anchor in anchors(target.read_text()))


def anchors(text: str) -> list[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.M)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def named_in(text: str) -> Iterator[str]:
    """The repository's paths in code, some with `:function` behind them."""
    for said in code(text):
        for word in said.split():
            if PATH.fullmatch(word) or AT_THE_TOP.fullmatch(word):
                yield word


def exists(name: str) -> bool:
    path, _, symbol = name.partition(":")
    found = sorted(ROOT.glob(path))
    return bool(found) and (not symbol or defines(ast.parse(found[0].read_text()), symbol.split(".")))


def defines(scope: ast.AST, names: list[str]) -> bool:
    """Whether a module or class has the class, function or method that the names lead to."""
    inner = [node for node in ast.iter_child_nodes(scope) if getattr(node, "name", None) == names[0]]
    return bool(inner) and (len(names) == 1 or any(defines(node, names[1:]) for node in inner))


class TestPages:
    def test_each_symptom_names_files_that_exist(self) -> None:
        text = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
        table = text.partition("## Symptom, file\n")[2]
        rows = re.findall(r"^\| (.+?) \| (.+) \|$", table, re.M)[2:]
        assert len(rows) >= 20
        for symptom, files in rows:
            names = list(named_in(files)) or re.findall(r"`(providers/catalogue/)`", files)
            assert names, symptom
            assert all(exists(name) for name in names), symptom

    def test_the_index_lists_every_page(self) -> None:
        index = (ROOT / "docs" / "README.md").read_text()
        pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
        assert pages == set(LINK.findall(index))

    def test_the_vendor_of_the_example_is_one(self, tmp_path: Path) -> None:
        blocks = FENCED.findall((ROOT / "docs" / "contributing.md").read_text())
        file = tmp_path / "example.toml"
        file.write_text("\n".join(text for kind, text in blocks if kind == "toml"))
        assert read_vendor(file).endpoint_of("example-large") == "https://api.example.com/v1/chat/completions"

    def test_the_quick_start_names_who_can_be_called(self) -> None:
        text = (ROOT / "docs" / "quickstart.md").read_text()
        (sentence,) = re.findall(r"These vendors.*?: (.*?)\.", text, re.S)
        callable_by_key = {
            vendor.name
            for vendor in catalogue().values()
            if vendor.dialect in UPSTREAM_DIALECTS and vendor.auth is not AuthStyle.NONE
            if any(login.flow is LoginFlow.APIKEY for login in vendor.logins)
        }
        assert set(re.split(r",\s+|\s+and\s+", sentence)) == callable_by_key

    def test_the_readme_is_short(self) -> None:
        assert len((ROOT / "README.md").read_text().splitlines()) < 120


HOMES = "home|root|Users|work"
REGISTRIES = "pypi[.]org|python[h]osted|registry[.]npmjs|[a]rtifactory|[d]evpi|index-url[= ]+[h]ttp"
OF_A_MACHINE = re.compile(rf"(?<![\w.$}}*/])/(?:{HOMES})/\w|{REGISTRIES}", re.I)


def test_the_repository_names_no_place_of_one_machine() -> None:
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    found = [f"{name}: {hit}" for name in names for hit in places_in(ROOT / name)]
    assert found == []


def places_in(path: Path) -> list[str]:
    try:
        return OF_A_MACHINE.findall(path.read_text())
    except (UnicodeDecodeError, FileNotFoundError):
        return []  # a picture, or a file that is removed in the working tree
