"""A stand-in CRM for the tests of your own program, in its process: no network, no account.

    from ikcrm.testing import Sandbox

    with Sandbox() as sandbox:
        client = ikcrm.Client(token=sandbox.token, base_url=sandbox.url)
        sandbox.fail_next(status=503)
        client.update_opportunity(568587, title="ccc", customer_id=1)  # is tried again
        assert sandbox.requests[-1].body["opportunity"]["title"] == "ccc"

With pytest, the fixture `ikcrm_sandbox` is such a sandbox; see `ikcrm.testing.plugin`.
"""

from ikcrm.testing.sandbox import Fault, Route, Sandbox, SentRequest

__all__ = ["Fault", "Route", "Sandbox", "SentRequest"]
