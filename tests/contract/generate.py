"""Writes what the tables of the contract say into the sources of the three languages.

A source has the places between a line that ends in `<generated: NAME>` and one that ends in
`</generated>`; all else in it is written by hand.
"""

import json
import re
import textwrap
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "crates/ikcrm/contract"

Table = dict[str, Any]
FIELDS: list[Table] = json.loads((CONTRACT / "fields.json").read_text(encoding="utf-8"))
RECORDS: Table = json.loads((CONTRACT / "answer.json").read_text(encoding="utf-8"))
ERROR_TABLES: Table = json.loads((CONTRACT / "errors.json").read_text(encoding="utf-8"))
ERRORS: list[Table] = ERROR_TABLES["classes"]
ATTRIBUTES: list[Table] = ERROR_TABLES["attributes"]
OPTIONS: Table = json.loads((CONTRACT / "options.json").read_text(encoding="utf-8"))
QUERY: list[Table] = json.loads((CONTRACT / "query.json").read_text(encoding="utf-8"))
GUIDE: Table = json.loads((CONTRACT / "guide.json").read_text(encoding="utf-8"))

RUST_FIELDS = {
    "id": "Id",
    "text": "String",
    "money": "Amount",
    "option": "Choice",
    "date": "Day",
}
PYTHON_FIELDS = {
    "id": "Id",
    "text": "str",
    "money": "Amount",
    "option": "Id",
    "date": "Day",
}
NODE_FIELDS = {
    "id": "Id",
    "text": "string",
    "money": "string | number",
    "option": "Id",
    "date": "string",
}
RUST_KINDS = {"datetime": "DateTime"}
PYTHON_KINDS = {
    "id": "int",
    "money": "Decimal",
    "number": "float",
    "bool": "bool",
    "date": "date",
    "datetime": "datetime",
}
NODE_KINDS = {
    "id": "number",
    "number": "number",
    "bool": "boolean",
    "percent": "string | number",
}
PYTHON_OPTIONS = {
    "text": "str",
    "duration": "float",
    "whole": "int",
    "number": "float",
    "switch": "bool",
    "headers": "Mapping[str, str | None]",
}
NODE_OPTIONS = {
    "text": "string",
    "duration": "number",
    "whole": "number",
    "number": "number",
    "switch": "boolean",
    "headers": "Record<string, string | null>",
}


# --- the fields of an update ------------------------------------------------------------------


def rust_table() -> Iterator[str]:
    """The rows of `FIELDS` in the core."""
    for field in FIELDS:
        paths = ", ".join(f'"{path}"' for path in field["read"])
        call = f'field("{field["name"]}", FieldKind::{field["kind"].title()}, &[{paths}])'
        steps = [
            f'.chinese("{field["chinese"]}")' if field["chinese"] else "",
            ".required()" if field["required"] else "",
            "" if field["listed"] else ".not_listed()",
        ]
        yield f"    {call}{''.join(steps)},"


def rust_setters() -> Iterator[str]:
    """The typed setters of `OpportunityUpdate` in the core."""
    for field in FIELDS:
        required = " Required; may not be null." if field["required"] else ""
        yield from comment(field["doc"] + required, "        /// ")
        yield f"        {field['name']}: {RUST_FIELDS[field['kind']]};"


def python_fields() -> Iterator[str]:
    """The keys of `OpportunityFields` in Python."""
    for field in FIELDS:
        null = " | None" if field["nullable"] else ""
        yield f"    {field['name']}: {PYTHON_FIELDS[field['kind']]}{null}"
        yield from docstring(field["doc"])


def node_fields() -> Iterator[str]:
    """The members of `OpportunityUpdate` in TypeScript."""
    for field in FIELDS:
        form = ", `YYYY-MM-DD`" if field["kind"] == "date" else ""
        yield from jsdoc(field["doc"].removesuffix(".") + form + ".")
        given = "" if field["required"] else "?"
        null = " | null" if field["nullable"] else ""
        left_out = "" if field["required"] else " | undefined"
        yield f"  {field['name']}{given}: {NODE_FIELDS[field['kind']]}{null}{left_out}"


def guide_fields(language: str) -> Iterator[str]:
    """The table of fields in the guide."""
    words = GUIDE[language]
    yield from ["", words["head"], "|---|---|---|"]
    for field in FIELDS:
        takes = words["kinds"][field["kind"]]
        if field["required"]:
            takes = f"**{words['required']}** {takes}"
        yield f"| `{field['name']}` | {field['chinese'] or ''} | {takes} |"
    yield from [words["custom"], ""]


# --- the objects of an answer -----------------------------------------------------------------


def rust_records() -> Iterator[str]:
    """The typed objects of the core."""
    for number, (name, record) in enumerate(RECORDS.items()):
        yield from [""] * (number > 0)
        yield from comment(record["doc"], "    /// ")
        yield f"    {name} = {shape(name)} {{"
        for attribute, row in record["attributes"].items():
            doc = row["doc"]
            if row["kind"] == "datetime":
                doc = doc.removesuffix(".") + ", in China's time."
            yield from comment(doc, "        /// ")
            yield f"        {attribute}: {rust_kind(row['kind'])},"
        yield "    }"


def rust_kind(kind: str) -> str:
    """The core's word for a kind of attribute."""
    if kind.startswith("["):
        return f"Records({kind[1:-1]} = {shape(kind[1:-1])})"
    if kind in RECORDS:
        return f"Record({kind} = {shape(kind)})"
    return RUST_KINDS.get(kind, kind.title())


def shape(name: str) -> str:
    """`OpportunityRow` as `OPPORTUNITY_ROW`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()


def python_records() -> Iterator[str]:
    """The classes of records in Python."""
    for name, record in RECORDS.items():
        yield from ["", "", "@_typed", f"class {name}(Record):"]
        yield from docstring(record["doc"])
        yield from ["", "    __slots__ = ()", ""]
        for attribute, row in record["attributes"].items():
            yield f"    {attribute}: {python_kind(row['kind'])}"
            zone = ", in China's time." if row["kind"] == "datetime" else "."
            yield from docstring(row["doc"].removesuffix(".") + zone)


def python_kind(kind: str) -> str:
    """The type of an attribute in Python."""
    if kind.startswith("["):
        return f"tuple[{kind[1:-1]}, ...]"
    return f"{kind if kind in RECORDS else PYTHON_KINDS.get(kind, 'str')} | None"


def node_records() -> Iterator[str]:
    """The types of records in TypeScript."""
    forms = {
        "money": ": decimal text such as `20000.0`.",
        "date": ', `YYYY-MM-DD` or `""`.',
        "datetime": ", `YYYY-MM-DD HH:MM` in China's time.",
    }
    for number, (name, record) in enumerate(RECORDS.items()):
        yield from [""] * (number > 0)
        yield from jsdoc(record["doc"], "", record.get("node", ()))
        also = f"{record['node_type']} & " if "node_type" in record else ""
        yield f"export type {name} = {also}{{"
        yield "  [key: CustomKey]: unknown"
        for attribute, row in record["attributes"].items():
            yield from jsdoc(row["doc"].removesuffix(".") + forms.get(row["kind"], "."))
            yield f"  {attribute}?: {node_kind(row['kind'])} | null"
        yield "}"


def node_kind(kind: str) -> str:
    """The type of an attribute in TypeScript."""
    if kind.startswith("["):
        return f"({kind[1:-1]} | null)[]"  # as JSON has it; the core leaves out what is null
    return kind if kind in RECORDS else NODE_KINDS.get(kind, "string")


# --- the options ------------------------------------------------------------------------------

# How a text of an option's spells what languages spell otherwise; a default is spelt below.
WORDS = {
    "python": {
        "time": "seconds",
        "null": "`None`",
        "to": "to",
        "awaited": "",
        "cancel": "its `cancel()` may be called by any thread",
    },
    "node": {
        "time": "milliseconds",
        "null": "`null`",
        "to": "to",
        "awaited": ", and awaited",
        "cancel": "by the abort of this signal",
    },
    "en": {
        "time": "time",
        "null": "null",
        "to": "to",
        "awaited": "",
        "cancel": "Python's `ikcrm.Cancel()`, Node's `AbortSignal`, Rust's `Cancel`",
    },
    "zh": {
        "time": "时间",
        "null": "null",
        "to": "到",
        "awaited": "",
        "cancel": "Python 用 `ikcrm.Cancel()`，Node 用 `AbortSignal`，Rust 用 `Cancel`",
    },
}


def said(row: Table, reader: str) -> str:
    """What an option does, in the words of a language's programmer or of the guide's reader."""
    text = row["doc"]["zh" if reader == "zh" else "en"]
    words = WORDS[reader]
    if reader in ("en", "zh"):  # where the default has a column of its own
        text = re.sub(
            r" \(\{default\}(?:[:;,] ([^)]*))?\)",
            lambda it: f" ({it[1]})" if it[1] else "",
            text,
        )
    else:
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)
    least, most = row.get("range", ("", ""))
    text = text.format(**words, default=default(row, reader), range=f"{least} {words['to']} {most}")
    return as_in_node(text).replace(" raises ", " throws ") if reader == "node" else text


def default(row: Table, reader: str) -> str:
    """An option's default."""
    value = row["default"]
    spelt = {
        "python": {True: "`True`", False: "`False`", None: "none"},
        "node": {True: "true", False: "false", None: "none"},
        "en": {True: "yes", False: "no", None: "–"},
        "zh": {True: "是", False: "否", None: "–"},
    }[reader]
    if isinstance(value, dict):
        return str(value["zh" if reader == "zh" else "en"])
    if value is None or isinstance(value, bool):
        return spelt[value]
    if isinstance(value, str):
        return f"`{value}`"
    if row["kind"] != "duration":
        return str(value)
    return {"node": f"{value * 1000}", "en": f"{value} s", "zh": f"{value} 秒"}.get(
        reader, str(value)
    )


def names_of(table: str) -> Iterator[str]:
    """The names of the options, as the core has them."""
    return (f'    "{row["name"]}",' for row in OPTIONS[table])


def node_renamed() -> Iterator[str]:
    """The options whose name in JavaScript is not the core's."""
    rows = (row for table in OPTIONS.values() for row in table)
    renamed = {row["node"]: row["name"] for row in rows if row["node"] != row["name"]}
    return (f'    ("{node}", "{name}"),' for node, name in renamed.items())


def python_type(row: Table) -> str:
    """The type of an option in Python."""
    if "python" in row:
        return str(row["python"])
    if row["kind"] == "words":
        return f"Literal[{', '.join(json.dumps(word) for word in row['words'])}]"
    return PYTHON_OPTIONS[row["kind"]]


def node_type(row: Table) -> str:
    """The type of an option in TypeScript."""
    if "typescript" in row:
        return str(row["typescript"])
    if row["kind"] == "words":
        return " | ".join(f"'{word}'" for word in row["words"])
    return NODE_OPTIONS[row["kind"]]


def python_options(rows: Sequence[Table]) -> Iterator[str]:
    """The keys of a `TypedDict` of options, or the attributes of `Quota`."""
    for row in rows:
        null = "" if row.get("required") else " | None"
        yield f"    {row['name']}: {python_type(row)}{null}"
        yield from docstring(said(row, "python"))


def python_quota() -> Iterator[str]:
    """The beginning of what makes a `Quota` in Python."""
    yield from ["    @_with_suggestions", "    def __init__(", "        self,"]
    for row in OPTIONS["quota"]:
        given = row["default"] if row.get("required") else None
        kind = python_type(row) if row.get("required") else f"{python_type(row)} | None"
        yield f"        {row['name']}: {kind} = {given},"
    yield from [
        "    ) -> None:",
        '        """The settings of a quota, which a client checks."""',
    ]
    yield f"        values = ({', '.join(row['name'] for row in OPTIONS['quota'])})"


def python_slots() -> Iterator[str]:
    """The attributes of `Quota` in Python."""
    slots = ", ".join(f'"{name}"' for name in sorted(row["name"] for row in OPTIONS["quota"]))
    yield from [f"    __slots__ = ({slots})", ""]
    yield from python_options(OPTIONS["quota"])


def node_options(rows: Sequence[Table]) -> Iterator[str]:
    """The members of an interface of options in TypeScript."""
    for row in rows:
        yield from jsdoc(said(row, "node"))
        yield f"  {row.get('node', row['name'])}?: {node_type(row)} | null | undefined"


def guide_options(language: str, columns: str, *tables: str) -> Iterator[str]:
    """A table of options in the guide, with these of its columns: name, node, env, default."""
    words = GUIDE[language]["options"]
    heads = [words[column] for column in columns.split()]
    yield from [
        "",
        f"| {' | '.join([*heads, words['does']])} |",
        "|---" * (len(heads) + 1) + "|",
    ]
    for row in (row for table in tables for row in OPTIONS[table]):
        text = said(row, language).removesuffix(".")
        if language == "en" and not text[1:2].isupper():
            text = text[:1].lower() + text[1:]
        code = {
            column: f"`{row[column]}`" if column in row else "–"
            for column in ("name", "node", "env")
        }
        cells = [{**code, "default": default(row, language)}[column] for column in columns.split()]
        yield f"| {' | '.join([*cells, text])} |"
    yield ""


# --- the errors -------------------------------------------------------------------------------


def python_errors() -> Iterator[str]:
    """The classes of errors in Python."""
    for error in ERRORS:
        if not error.get("by_hand"):
            parents = ", ".join([error["parent"], *error["python_also"]])
            yield from ["", "", f"class {error['class']}({parents}):"]
            yield from docstring(" ".join(filter(None, [error["doc"], error.get("python_doc")])))
            yield from ["", f'    code = "{error["code"]}"']
    yield from ["", ""]


def node_errors() -> Iterator[str]:
    """The classes of errors in TypeScript."""
    for number, error in enumerate(error for error in ERRORS if not error.get("by_hand")):
        code, doc = error["code"], as_in_node(error["doc"])
        more = f" {error['node_doc']}" if "node_doc" in error else ""
        yield from [""] * (number > 0)
        yield from jsdoc(f"`{code}`: {doc[0].lower()}{doc[1:]}{more}", "")
        yield f"export class {error['class']} extends {error['parent']} {{"
        yield f"  static override readonly code: string = '{code}'"
        codes = [f"'{inner['code']}'" for inner in tree(error)]
        one_line = f"  declare readonly code: {' | '.join(codes)}"
        if len(one_line) <= 100:
            yield one_line
        else:
            yield from [
                "  declare readonly code:",
                *(f"    | {inner}" for inner in codes),
            ]
        yield "}"


def node_union() -> Iterator[str]:
    """The errors that a `switch` over `code` tells apart."""
    for error in ERRORS[1:]:
        name = error["class"]
        alone = len(tree(error)) == 1
        yield (f"  | {name}" if alone else f"  | ({name} & {{ readonly code: '{error['code']}' }})")


def node_names() -> Iterator[str]:
    """The names of the classes in TypeScript."""
    return (f"  {error['class']}," for error in ERRORS)


def guide_errors(language: str) -> Iterator[str]:
    """The table of errors in the guide."""
    words = GUIDE[language]["errors"]
    yield from ["", words["head"], "|---|---|---|"]
    for error in ERRORS[1:]:
        name = f"`{error['class']}`"
        if error["python_also"]:
            name = words["also"].format(error["class"], *error["python_also"])
        name = branch(error) + name
        yield f"| {name} | `{error['code']}` | {error['when'][language]} |"
    yield ""


def branch(error: Table) -> str:
    """How a tree's lines lead to a class."""
    parents = {row["class"]: row for row in ERRORS}
    parent = parents[error["parent"]]
    if parent is ERRORS[0]:
        return ""
    siblings = [row for row in ERRORS if row["parent"] == parent["class"]]
    above = "" if parent["parent"] == ERRORS[0]["class"] else "│ "
    return above + ("└ " if error is siblings[-1] else "├ ")


def tree(error: Table) -> list[Table]:
    """A class and all that derive from it."""
    derived = (inner for inner in ERRORS if inner["parent"] == error["class"])
    return [error, *(leaf for inner in derived for leaf in tree(inner))]


def as_in_node(text: str) -> str:
    """The text with the names of options and attributes as Node spells them."""
    rows = [row for rows in OPTIONS.values() for row in rows] + ATTRIBUTES
    names = {row["name"]: row["node"] for row in rows}
    return re.sub(r"`(\w+)`", lambda found: f"`{names.get(found[1], found[1])}`", text)


# --- forms ------------------------------------------------------------------------------------


def comment(text: str, start: str) -> list[str]:
    """A comment whose lines begin so."""
    return textwrap.wrap(text, 100, initial_indent=start, subsequent_indent=start)


def width(text: str) -> int:
    """How many columns a text takes: a Chinese character takes two."""
    return sum(1 + (unicodedata.east_asian_width(character) in "FW") for character in text)


def docstring(text: str) -> Iterator[str]:
    """A docstring within a class."""
    if width(text) <= 90:
        yield f'    """{text}"""'
        return
    line = '"""'
    for word in text.split():
        if width(f"    {line} {word}") > 98:
            yield f"    {line}"
            line = word
        else:
            line += word if line == '"""' else f" {word}"
    yield f"    {line}"
    yield '    """'


def jsdoc(text: str, indent: str = "  ", more: Sequence[str] = ()) -> Iterator[str]:
    """A comment above a member, with more paragraphs if there are any."""
    if width(indent + text) <= 92 and not more:
        yield f"{indent}/** {text} */"
        return
    yield f"{indent}/**"
    for paragraph in [text, *more]:
        yield from [f"{indent} *"] * (paragraph is not text)
        yield from comment(paragraph, f"{indent} * ")
    yield f"{indent} */"


TABLES: dict[str, list[Table]] = {
    "client": [*OPTIONS["client"], *OPTIONS["hooks"]],
    "call": OPTIONS["call"],
    "update": OPTIONS["update"],
    "query": QUERY,
    "job": OPTIONS["job"],
    "plan": OPTIONS["plan"],
    "sheet": OPTIONS["sheet"],
    "apply": [*OPTIONS["apply"], *OPTIONS["apply_hooks"]],
}

# The guide's page, the place in it, the table's columns, and whose options it lists.
GUIDE_TABLES = [
    ("index", "client", "name node env default", "client", "hooks"),
    ("index", "call", "name node default", "call"),
    ("quota", "quota", "name node env default", "quota"),
    ("many-updates", "plan", "name default", "plan"),
    ("many-updates", "apply", "name default", "apply", "apply_hooks"),
    ("from-a-sheet", "sheet", "name default", "sheet"),
]

PLACES: list[tuple[str, str, Callable[[], Iterator[str]]]] = [
    ("crates/ikcrm/src/request/fields.rs", "fields", rust_table),
    ("crates/ikcrm/src/request/update.rs", "setters", rust_setters),
    ("crates/ikcrm/src/response/opportunity.rs", "records", rust_records),
    ("python/src/ikcrm/arguments.py", "fields", python_fields),
    ("python/src/ikcrm/records.py", "records", python_records),
    ("node/src/update.ts", "fields", node_fields),
    ("node/src/records.ts", "records", node_records),
    ("python/src/ikcrm/errors.py", "errors", python_errors),
    ("node/src/errors.ts", "errors", node_errors),
    ("node/src/errors.ts", "union", node_union),
    ("node/src/errors.ts", "names", node_names),
    ("node/src/index.ts", "names", node_names),
    ("crates/ikcrm/src/config/builder.rs", "options", partial(names_of, "client")),
    ("crates/ikcrm/src/config/builder.rs", "hooks", partial(names_of, "hooks")),
    ("crates/ikcrm/src/config/call_options.rs", "options", partial(names_of, "call")),
    ("crates/ikcrm/src/request/update_call.rs", "options", partial(names_of, "update")),
    ("crates/ikcrm/src/quota/settings.rs", "options", partial(names_of, "quota")),
    ("crates/ikcrm/src/job/named.rs", "plan", partial(names_of, "plan")),
    ("crates/ikcrm/src/job/named.rs", "apply", partial(names_of, "apply")),
    ("crates/ikcrm/src/sheet/options.rs", "options", partial(names_of, "sheet")),
    ("crates/ikcrm/src/sheet/write_options.rs", "options", partial(names_of, "write")),
    ("bindings/node/src/names.rs", "options", node_renamed),
    *(
        ("python/src/ikcrm/arguments.py", name, partial(python_options, rows))
        for name, rows in TABLES.items()
    ),
    ("python/src/ikcrm/quota.py", "settings", python_slots),
    ("python/src/ikcrm/quota.py", "init", python_quota),
    *(
        ("node/src/options.ts", name, partial(node_options, rows))
        for name, rows in {
            **TABLES,
            **{more: OPTIONS[more] for more in ("field_map", "quota", "write")},
        }.items()
    ),
    *(
        (
            f"crates/ikcrm/docs/{language}/{page}.md",
            name,
            partial(guide_options, language, *table),
        )
        for language in ("en", "zh")
        for page, name, *table in GUIDE_TABLES
    ),
    ("crates/ikcrm/docs/en/errors.md", "errors", partial(guide_errors, "en")),
    ("crates/ikcrm/docs/zh/errors.md", "errors", partial(guide_errors, "zh")),
    ("crates/ikcrm/docs/en/update.md", "fields", partial(guide_fields, "en")),
    ("crates/ikcrm/docs/zh/update.md", "fields", partial(guide_fields, "zh")),
]


def main() -> None:
    """Writes every place anew."""
    for path, name, lines in PLACES:
        source = ROOT / path
        before, start, rest = source.read_text(encoding="utf-8").partition(f"<generated: {name}>")
        head, _, _ = rest.partition("\n")
        end = re.search(r"[^\n]*</generated>.*", rest, re.DOTALL)
        if not start or not end:
            raise SystemExit(f"{path} has no place from <generated: {name}> to </generated>")
        text = "\n".join([before + start + head, *lines(), end[0]])
        source.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
