create index accounts_email on accounts (email);
