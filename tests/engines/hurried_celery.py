"""The example's Celery, where the rows of a dead machine go back to the queue sooner."""

from with_celery import app

app.conf.broker_transport_options = {"visibility_timeout": 1}
