// Jobs of many rows, a measurement a process: `jobs.js URL WHAT ROWS` prints a line of JSON.
// WHAT is `plan auto`, `plan none` or `zod` (rows a second, and how the process grew); `apply`, or
// `undici`, which sends the same rows without a job.

import pLimit from "p-limit";
import { Agent, request } from "undici";
import { z } from "zod";

import { Client } from "../../../node/dist/index.js";

/** As many as a job has under way. */
const AT_ONCE = 32;
const headers = {
  authorization: "Token token=bench-token, device=open_api, version_code=9.9.9",
  "content-type": "application/json",
};

const fields = (id) => ({
  stage: "3514",
  expect_amount: id % 20 ? "20000" : "20001",
  get_time: "2019-02-14",
});

function* rows(number) {
  for (let id = 1; id <= number; id++) yield { id, ...fields(id) };
}

const clientOf = (url) =>
  new Client({ token: "bench-token", baseUrl: url, quota: null });

const plan = (compare) => (url, number) =>
  clientOf(url).planUpdates(rows(number), { compare, partial: true });

const work = {
  "plan auto": plan("auto"),
  "plan none": plan("none"),

  /** Only the checks of the values, as a schema has them; what it gives is kept by nobody. */
  async zod(_, number) {
    const amount = z.string().regex(/^-?\d{1,26}(\.\d{1,2})?$/);
    const row = z.strictObject({
      id: z.int().positive(),
      stage: z.string().min(1).nullish(),
      expect_amount: amount.nullish(),
      get_time: z.iso.date().nullish(),
      note: z.string().nullish(),
    });
    for (const given of rows(number)) row.parse(given);
  },

  async apply(url, number) {
    const job = await plan("none")(url, number);
    const begun = now();
    await clientOf(url).applyUpdates(job);
    return begun;
  },

  async undici(url, number) {
    const [limit, dispatcher] = [
      pLimit(AT_ONCE),
      new Agent({ connections: AT_ONCE }),
    ];
    const call = async ({ id, ...opportunity }) => {
      const body = JSON.stringify({ opportunity });
      const options = { method: "PUT", headers, body, dispatcher };
      const answer = await request(
        `${url}/api/v2/opportunities/${id}`,
        options,
      );
      if (answer.statusCode !== 200) throw new Error(String(answer.statusCode));
      return (await answer.body.json()).data.id;
    };
    await Promise.all(Array.from(rows(number), (row) => limit(call, row)));
  },
};

const peakMib = () => process.resourceUsage().maxRSS / 1024;

/** By the clock, and of the processors' time in all threads, in seconds. */
function now() {
  const { user, system } = process.cpuUsage();
  return { wall: performance.now() / 1e3, cpu: (user + system) / 1e6 };
}

const [url, what, count] = process.argv.slice(2);
await (what === "zod" || what === "undici" ? work[what] : plan("none"))(
  url,
  AT_ONCE,
); // warms up
const [before, start] = [peakMib(), now()];
const told = await work[what](url, Number(count));
const [begun, end] = [told?.wall ? told : start, now()];
console.log(
  JSON.stringify({
    rows_per_s: Number(count) / (end.wall - begun.wall),
    cpu_us: ((end.cpu - begun.cpu) / Number(count)) * 1e6,
    grown_mib: peakMib() - before,
  }),
);
process.exit(0); // the peers keep connections open
