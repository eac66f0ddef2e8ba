"""The quota kept for real by the threads of one process, against a CRM that counts for itself."""

import parts
import pytest


@pytest.mark.parametrize("language", parts.COMMANDS)
def test_32_threads_of_one_process(capsys, language):
    with parts.sandbox() as crm:
        parts.end_well([parts.start(language, 32, 2, parts.environment(crm))])
        share = parts.check(crm.stats(), capsys, f"one {language} process, 32 at once")
    assert share > 0.95
