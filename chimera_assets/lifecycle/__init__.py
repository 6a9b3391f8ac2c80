"""The life of rows after they are published: retention, purge, legal holds, maintenance."""
