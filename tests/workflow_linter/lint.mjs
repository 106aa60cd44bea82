// Prints what GitHub's language service finds in the files that are named, as JSON.
import {readFileSync} from "node:fs";
import {validate} from "@actions/languageservice";
import {TextDocument} from "vscode-languageserver-textdocument";

const found = [];
for (const path of process.argv.slice(2)) {
  const text = TextDocument.create(`file://${path}`, "yaml", 1, readFileSync(path, "utf8"));
  for (const {range, message} of await validate(text)) {
    found.push({path, line: range.start.line + 1, message});
  }
}
console.log(JSON.stringify(found));
