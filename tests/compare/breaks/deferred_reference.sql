-- expects: 23503 foreign_key_violation (constraint user_settings_plan_fkey, table public.user_settings)
-- It passes until the end of the transaction: nobody wrote the plan "free".
create table public.plans (name text primary key);
alter table public.plans enable row level security;
alter table public.user_settings
    add column plan text not null default 'free'
    references public.plans (name) deferrable initially deferred;
