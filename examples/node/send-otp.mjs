// Sends a one-time password: `node send-otp.mjs +447700900123 4711`.

import { randomUUID } from "node:crypto";
import { call } from "./carillon.mjs";

// The same attempt again is answered as the first time: nothing is sent twice, whatever happened on the way.
async function sendOtp(to, code, attempt) {
  const message = { to, text: `Your code is ${code}`, valid_for: 300 };
  const sent = await call("POST", "/v1/messages", message, { "idempotency-key": attempt });
  return sent.messages[0].id;
}

console.log(await sendOtp(process.argv[2], process.argv[3], randomUUID()));
