#!/usr/bin/env python3
"""Man pages from what a program says of itself.

    ecgmon --experimental-dump-help | man-pages.py FOLDER [SECTION]

Writes FOLDER/manSECTION/NAME.SECTION for the program and a page for each of its commands (`ecgmon-replay.1`).
"""
import json
import pathlib
import sys


def roff(text):
    """Text that troff shows as it is."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.splitlines())


def paragraphs(text):
    """A discussion: indented lines are examples and stay as they are."""
    out, is_example = [], False
    for line in text.splitlines():
        indented = line.startswith("  ")
        if indented != is_example:
            out.append(".EX" if indented else ".EE")
            is_example = indented
        out.append(roff(line[2:] if indented else line) if line.strip() else (".PP" if not is_example else ""))
    if is_example:
        out.append(".EE")
    return "\n".join(out)


def synopsis(argument):
    if argument["kind"] == "positional":
        name = f"\\fI{roff(argument['valueName'])}\\fR"
    elif argument["kind"] == "flag":
        name = option_name(argument["preferredName"])
    else:
        name = f"{option_name(argument['preferredName'])} \\fI{roff(argument.get('valueName', 'value'))}\\fR"
    name += " ..." if argument["isRepeating"] else ""
    return f"[{name}]" if argument["isOptional"] else name


def option_name(name):
    return "\\fB" + roff(("-" if name["kind"] == "short" else "--") + name["name"]) + "\\fR"


def details(argument):
    if argument["kind"] == "positional":
        term = f"\\fI{roff(argument['valueName'])}\\fR"
    else:
        term = ", ".join(option_name(name) for name in argument.get("names", []))
        if argument["kind"] == "option":
            term += f" \\fI{roff(argument.get('valueName', 'value'))}\\fR"
    text = argument.get("abstract", "")
    if argument.get("defaultValue"):
        text += f" (default: {argument['defaultValue']})"
    return f".TP\n{term}\n{roff(text)}"


def page(command, ancestors, section, version):
    path = ancestors + [command["commandName"]]
    title = "-".join(path)
    arguments = [argument for argument in command.get("arguments", []) if argument["shouldDisplay"]]
    children = [child for child in command.get("subcommands", []) if child["commandName"] != "help"]
    lines = [f'.TH "{title.upper()}" "{section}" "" "ecg-monitor {version}" "ecg-monitor"', ".SH NAME",
             f"{roff(title)} \\- {roff(command.get('abstract', '').rstrip('.'))}", ".SH SYNOPSIS"]
    usage = " ".join(synopsis(argument) for argument in arguments)
    lines.append(f"\\fB{roff(' '.join(path))}\\fR {usage}" + (" \\fIcommand\\fR ..." if children else ""))
    discussion = command.get("discussion", "")
    text, _, examples = discussion.replace("Example:", "Examples:").partition("Examples:")
    if text.strip():
        lines += [".SH DESCRIPTION", paragraphs(text.rstrip())]
    if arguments:
        lines += [".SH OPTIONS"] + [details(argument) for argument in arguments]
    if children:
        lines.append(".SH COMMANDS")
        for child in children:
            lines.append(f".TP\n\\fB{roff(child['commandName'])}\\fR\n{roff(child.get('abstract', ''))}")
    if examples.strip():
        lines += [".SH EXAMPLES", paragraphs(examples.strip("\n"))]
    related = [f"\\fB{roff(title + '-' + child['commandName'])}\\fR({section})" for child in children]
    if ancestors:
        related.insert(0, f"\\fB{roff('-'.join(ancestors))}\\fR({section})")
    if not ancestors:
        related.append("\\fBecgmond\\fR(8)" if title == "ecgmon" else "\\fBecgmon\\fR(1)")
    lines += [".SH SEE ALSO", ",\n".join(related), ".PP", "The documentation is in /usr/share/doc/ecg\\-monitor."]
    return title, "\n".join(lines) + "\n"


def write(command, ancestors, folder, section, version):
    title, text = page(command, ancestors, section, version)
    (folder / f"{title}.{section}").write_text(text, encoding="utf-8")
    for child in command.get("subcommands", []):
        if child["commandName"] != "help":
            write(child, ancestors + [command["commandName"]], folder, section, version)


def main():
    section = sys.argv[2] if len(sys.argv) > 2 else "1"
    folder = pathlib.Path(sys.argv[1]) / f"man{section}"
    folder.mkdir(parents=True, exist_ok=True)
    write(json.load(sys.stdin)["command"], [], folder, section, "0.1.0")


if __name__ == "__main__":
    main()
