// Updates one opportunity, and shows a refused input and an error of the CRM.
// Settings come from the environment: IKCRM_TOKEN, IKCRM_BASE_URL.

import { IkcrmError, updateOpportunity } from 'ikcrm'

const fields = {
  title: '年度框架合同',
  customer_id: 1,
  expect_amount: '128000.50',
  expect_sign_date: '2026-12-31',
}
console.log('  sent       PUT /api/v2/opportunities/568587', JSON.stringify(fields))

const { title, stage_mapped, expect_amount } = await updateOpportunity(568587, fields)
console.log('  came back ', title, stage_mapped, expect_amount)

for (const [what, call] of [
  ['refused  ', updateOpportunity(568587, { titel: 'x', expect_amount: '128,000.50' })],
  ['CRM error', updateOpportunity(404, fields)],
]) {
  await call.catch((error) => {
    if (!(error instanceof IkcrmError)) throw error
    console.log(`  ${what}  [${error.code}] ${error.message}`)
  })
}
