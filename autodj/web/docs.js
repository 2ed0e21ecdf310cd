// @ts-check
/** The API reference: openapi.json, read out. */

import { find, make } from "./dom.js";

/**
 * @typedef {Record<string, any>} Json
 * @typedef {{method: string, path: string, operation: Json}} Entry
 */

const METHODS = ["get", "head", "post", "put", "patch", "delete"];
const BODIES = /** @type {Record<string, string>} */ ({
  "multipart/form-data": "-F file=@track.flac",
  "application/octet-stream": "--data-binary @track.flac -H 'Content-Type: application/octet-stream'",
  "audio/*": "--data-binary @track.flac -H 'Content-Type: audio/flac'",
});

/** @param {Json} document */
function entries(document) {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    METHODS.filter((method) => method in methods).map((method) => ({
      method,
      path,
      operation: methods[method],
    })),
  );
}

/** The last part of a reference, or the type in words. @param {Json} schema @returns {string} */
function typeName(schema) {
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if (schema.anyOf) return schema.anyOf.map(typeName).join(" or ");
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `${typeName(schema.items ?? {})}[]`;
  return [schema.type ?? "any", schema.format && `(${schema.format})`].filter(Boolean).join(" ");
}

/** A type, and a link where it is one of the schemas. @param {Json} schema */
function typeLink(schema) {
  const name = typeName(schema);
  return schema.$ref ? make("a", { href: `#schema-${name}` }, name) : name;
}

/** The bounds of a value in words. @param {Json} schema */
function bounds(schema) {
  const told = [];
  if (schema.minimum !== undefined) told.push(`from ${schema.minimum}`);
  if (schema.maximum !== undefined) told.push(`to ${schema.maximum}`);
  if (schema.maxLength !== undefined) told.push(`at most ${schema.maxLength} characters`);
  if (schema.default !== undefined) told.push(`default ${JSON.stringify(schema.default)}`);
  if (schema.examples) told.push(`such as ${JSON.stringify(schema.examples[0])}`);
  return told.join(", ");
}

/** @param {string} caption @param {(string | Node)[][]} rows */
function table(caption, rows) {
  if (rows.length === 0) return null;
  const body = rows.map(([head = "", ...cells]) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, head),
      ...cells.map((cell) => make("td", {}, cell)),
    ),
  );
  return make("div", {}, make("h4", {}, caption), make("table", {}, make("tbody", {}, ...body)));
}

/** @param {Json[]} security */
function access(security) {
  if (security.length === 0) return "open to anybody";
  return security.some((way) => Object.keys(way).length === 0) ? "login optional" : "login needed";
}

/** A command that calls the operation. @param {Entry} entry @param {string} server */
function curl({ method, path, operation }, server) {
  const parts = ["curl"];
  if (method === "head") parts.push("-I");
  else if (method !== "get") parts.push(`-X ${method.toUpperCase()}`);
  if (operation.security.length > 0) parts.push('-H "Authorization: Bearer $TOKEN"');
  const kind = Object.keys(operation.requestBody?.content ?? {})[0];
  if (kind) parts.push(BODIES[kind] ?? `--json '${kind === "application/json" ? "{}" : ""}'`);
  parts.push(`"${server}${path.replace(/\{(\w+)\}/g, (_, name) => `$${name.toUpperCase()}`)}"`);
  return parts.join(" ");
}

/** @param {Entry} entry @param {string} server */
function article(entry, server) {
  const { method, path, operation } = entry;
  const parameters = operation.parameters.map((/** @type {Json} */ each) => [
    each.name,
    make("span", {}, `${each.in} `, typeLink(each.schema)),
    [each.description, bounds(each.schema)].filter(Boolean).join(" "),
  ]);
  const bodies = Object.entries(operation.requestBody?.content ?? {}).map(([kind, content]) => [
    kind,
    typeLink(content.schema),
    content["x-about"] ?? "",
  ]);
  const answers = Object.entries(operation.responses).map(([status, response]) => [
    status,
    make("span", {}, ...Object.values(response.content ?? {}).slice(0, 1).map(contentType)),
    response.description.replaceAll("`", ""),
  ]);
  return make(
    "article",
    { id: operation.operationId },
    make(
      "div",
      { class: "line" },
      make("span", { class: "method" }, method.toUpperCase()),
      make("code", {}, path),
      make("span", { class: "access" }, access(operation.security)),
    ),
    make("h3", {}, operation.summary),
    operation.description ? make("p", {}, operation.description) : null,
    table("Parameters", parameters),
    table("Bodies, one of", bodies),
    table("Answers", answers),
    make("h4", {}, "Try it"),
    make("pre", { tabindex: "0" }, make("code", {}, curl(entry, server))),
  );
}

/** @param {Json} content */
function contentType(content) {
  return content.schema ? typeLink(content.schema) : "";
}

/** @param {string} name @param {Json} schema */
function schemaArticle(name, schema) {
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {}).map(([field, described]) => [
    field + (required.has(field) ? "" : "?"),
    typeLink(described),
    [described.description, bounds(described)].filter(Boolean).join(" "),
  ]);
  return make(
    "article",
    { id: `schema-${name}` },
    make("h3", {}, name),
    schema.description ? make("p", {}, schema.description.replaceAll("``", "")) : null,
    schema.enum ? make("p", {}, schema.enum.join(", ")) : null,
    table("Fields", rows),
  );
}

/** @param {Json} document */
function show(document) {
  const server = document.servers[0].url;
  const contents = find("#contents", HTMLElement);
  const reference = find("#reference", HTMLElement);
  const all = entries(document);
  reference.replaceChildren(make("p", {}, document.info.description.replaceAll("`", "")));
  for (const { name } of document.tags) {
    const own = all.filter(({ operation }) => operation.tags.includes(name));
    const links = own.map(({ operation }) =>
      make("li", {}, make("a", { href: `#${operation.operationId}` }, operation.summary)),
    );
    contents.append(make("h2", {}, name), make("ul", {}, ...links));
    reference.append(make("h2", {}, name), ...own.map((entry) => article(entry, server)));
  }
  const schemas = Object.entries(document.components.schemas);
  contents.append(
    make("h2", {}, "Schemas"),
    make("ul", {}, ...schemas.map(([name]) => make("li", {}, make("a", { href: `#schema-${name}` }, name)))),
  );
  reference.append(make("h2", {}, "Schemas"), ...schemas.map(([name, each]) => schemaArticle(name, each)));
  if (location.hash) globalThis.document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

try {
  show(await (await fetch("/openapi.json")).json());
} catch {
  find("#state", HTMLElement).textContent = "The reference cannot be read; is the server still running?";
}
