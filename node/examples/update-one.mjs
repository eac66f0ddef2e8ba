// Updates one opportunity, and shows a refused input and an error of the CRM.
// Settings come from the environment: IKCRM_TOKEN, IKCRM_BASE_URL.

import { NotFoundError, updateOpportunity, ValidationError } from 'ikcrm'

const show = (name, value) => console.log(`  ${name.padEnd(18)}${value}`)

const fields = {
  title: '年度框架合同',
  customer_id: 1,
  stage: '谈判/合同',
  expect_amount: '128000.50',
  expect_sign_date: '2026-12-31',
}
console.log('sent: PUT /api/v2/opportunities/568587')
for (const [name, value] of Object.entries(fields)) show(name, value)

const opportunity = await updateOpportunity(568587, fields)
console.log('came back')
show('stage', opportunity.stage)
show('stage_mapped', opportunity.stage_mapped)
show('expect_amount', opportunity.expect_amount)

const wrong = { titel: 'x', expect_amount: '128,000.50', kind: '老客户续签' }
try {
  await updateOpportunity(568587, { ...fields, ...wrong })
} catch (error) {
  if (!(error instanceof ValidationError)) throw error
  console.log('refused, all faults at once; nothing was updated')
  for (const { field, message } of error.fields) show(field, message)
}
try {
  await updateOpportunity(404, fields)
} catch (error) {
  if (!(error instanceof NotFoundError)) throw error
  console.log('refused by the CRM')
  show(error.code, `${error.message} (code ${error.apiCode})`)
}
