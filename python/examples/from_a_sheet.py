"""Takes the rows of a sheet, shows the plan as a sheet, applies it, and gives the sheet back."""

import sys

import ikcrm

source, result = sys.argv[1:] or ("q3.xlsx", "q3-result.xlsx")
with ikcrm.Client.from_env() as client:
    job = client.plan_updates(source, job=f"{result}.job")  # reads only
    print(job)
    job.write(result, language="zh")  # the plan: people look at it and say yes
    client.apply_updates(job, skip_invalid=True)
    job.write(result, language="zh")
    print(job)
