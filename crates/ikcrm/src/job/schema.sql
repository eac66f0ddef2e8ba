-- The job as a whole: its status, its options, what it counted.
CREATE TABLE job (name TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- One row for each row that was given.
CREATE TABLE row (
  number INTEGER PRIMARY KEY,          -- its place in the order given, from 1
  key TEXT,                            -- what the caller knows it by
  id INTEGER,                          -- the opportunity
  state TEXT NOT NULL,                 -- planned, updated, invalid, …
  fields TEXT NOT NULL,                -- [{"field", "before", "after", "label", "done"}]
  fill TEXT NOT NULL,                  -- title and customer_id as they were read
  as_of TEXT,                          -- a change later than this is a conflict
  listable INTEGER NOT NULL,           -- whether a list's row is enough to compare it
  read_at INTEGER NOT NULL,            -- in milliseconds since 1970; 0: must be read again
  sent_at INTEGER NOT NULL,            -- in milliseconds since 1970
  attempts INTEGER NOT NULL,
  cause TEXT,                          -- what is wrong, as problems are grouped
  message TEXT,                        -- what is wrong, in words
  not_taken TEXT,                      -- the fields that the CRM answered otherwise than sent
  given TEXT                           -- what was given besides
);

-- The options that rows use, by their ids, and the labels that were given.
CREATE TABLE choice (field TEXT, value TEXT, label TEXT, PRIMARY KEY (field, value, label)) WITHOUT ROWID;

-- The rows as they were given, for the result; `columns` in `job` has the names.
CREATE TABLE source (number INTEGER PRIMARY KEY, cells TEXT NOT NULL);
