// One request to Carillon. CARILLON_URL and CARILLON_KEY say where and who.

export async function call(method, path, body, headers = {}) {
  const answer = await fetch(process.env.CARILLON_URL + path, {
    method,
    headers: { authorization: `Bearer ${process.env.CARILLON_KEY}`, "content-type": "application/json", ...headers },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  const read = await answer.json();
  if (!answer.ok) throw new Error(`${read.code}: ${read.detail}`);
  return read;
}
