// Things whose every text is an attack on whoever shows it.

/** One for each place that text can end up in: between tags, in a quoted attribute, in a script, in a URL, in a title. */
const TEXTS = [
  `<img src=x onerror="window.owned=1">`,
  `"><svg onload=window.owned=1>`,
  `' autofocus onfocus='window.owned=1`,
  `</title><script>window.owned=1</script>`,
  `</textarea><iframe src=javascript:window.owned=1>`,
  `javascript:window.owned=1//`,
  `--></style><base href=//evil.example>`,
  `{{7*7}}\${7*7}<%= 7*7 %><math><mi//xlink:href="data:x">`,
];

export function marks() {
  return TEXTS;
}

/** Makes what the API takes; `paths` are the pages about it. */
export async function hostile(api) {
  const some = Math.random().toString(36).slice(2, 6);
  const paths = [];
  const take = async (path, body, page) => {
    const made = await api("POST", path, body);
    if (page) paths.push(`${page}/${made.id}`);
    return made;
  };
  for (const [place, text] of TEXTS.entries()) {
    const name = `${text}${some}`;
    const number = `+4477009005${String(place).padStart(2, "0")}`;
    const list = await take("/v1/lists", { name }, "/lists");
    paths.push(`/lists/${list.id}/delete`);
    const quoted = JSON.stringify(text.replaceAll(/[^ -~]/g, ""));
    const segment = await take("/v1/segments", { name, filter: `tag = ${quoted}` }, "/segments");
    paths.push(`/segments/${segment.id}/edit`);
    const contact = await api("POST", "/v1/contacts/batch", {
      contacts: [{ number, attributes: { name: text, city: text }, tags: [text.slice(0, 40)], lists: [list.id] }],
    });
    const found = (await api("GET", `/v1/contacts?number=${encodeURIComponent(number)}`)).data[0];
    if (!found) throw new Error(`no contact was made of ${text}: ${JSON.stringify(contact)}`);
    paths.push(`/contacts/${found.id}`, `/contacts/${found.id}/edit`, `/contacts/${found.id}/delete`);
    await api("POST", "/v1/suppressions", { number: `+4477009006${String(place).padStart(2, "0")}`, reason: text });
    await api("POST", "/v1/consents", { number, scope: "marketing", method: "web_form", source: text, text });
    await take("/v1/templates", { name, text: `${text.replaceAll(/[{}]/g, "")} {{name|${text.replaceAll(/[{}|]/g, "")}}}` }, "/templates");
    await take("/v1/keys", { name });
    await take("/v1/webhooks", { url: `https://example.com/?q=${encodeURIComponent(text)}`, events: ["message.delivered"], description: text }, "/webhooks");
    const campaign = await take("/v1/campaigns", {
      name,
      audience: { type: "inline", recipients: [{ to: number, vars: { name: text } }] },
      content: { text: `${text.replaceAll(/[{}]/g, "")} {{name}}` },
    }, "/campaigns");
    paths.push(`/campaigns/${campaign.id}/cancel`);
    await api("POST", `/v1/campaigns/${campaign.id}/cancel`);
  }
  return { paths };
}
