"""What ``init`` proposes for apps that have profiles of their own."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
import pytest

from tests.api_server import api
from tests.app import App
from tests.conftest import Database
from tests.migrated import applied
from tests.unprepared import before, over
from usersync import config
from usersync.config import ProfileTable
from usersync.config.settings import Settings

__all__ = ["api", "before", "over"]

#: The profile table of Supabase's user management guide, with its function.
DOCUMENTED = """
create table public.profiles (
    id uuid references auth.users on delete cascade not null primary key,
    updated_at timestamp with time zone,
    username text unique,
    full_name text,
    avatar_url text,
    website text,
    constraint username_length check (char_length(username) >= 3)
);
alter table public.profiles enable row level security;
create function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    -- insert into public.profiles (id, website) values (new.id, 'a comment; not code')
    insert into public.profiles (id, full_name, avatar_url)
    values (new.id, new.raw_user_meta_data->>'full_name', new.raw_user_meta_data->>'avatar_url');
    return new;
end;
$$;
create trigger on_auth_user_created after insert on auth.users
    for each row execute procedure public.handle_new_user();
"""

#: What people write in tutorials: a users table with a name that must not be missing.
USERNAMES = """
create type public.app_role as enum ('member', 'moderator', 'admin');
create table public.users (
    id uuid primary key references auth.users (id),
    email text not null,
    username text not null unique,
    role public.app_role not null default 'member',
    created_at timestamptz not null default now()
);
create function public.create_user() returns trigger language plpgsql security definer as $fn$
declare name text := new.raw_user_meta_data ->> 'name';
begin
    insert into users (id, email, username)
    values (new.id, new.email,
        coalesce(new.raw_user_meta_data ->> 'username', split_part(new.email, '@', 1)))
    on conflict do nothing;
    return new;
exception when others then return new;
end $fn$;
create trigger on_signup after insert on auth.users
    for each row execute function public.create_user();
"""

#: A table with an id of its own, and a function that also makes a workspace and a membership.
WORKSPACES = """
create table public.workspaces (
    id uuid primary key default gen_random_uuid(), owner_id uuid references auth.users (id),
    name text not null);
create table public.members (
    workspace_id uuid references public.workspaces (id), user_id uuid references auth.users (id),
    primary key (workspace_id, user_id));
create table public.profiles (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null unique references auth.users (id) on delete cascade,
    display_name text not null,
    user_role text not null default 'user' check (user_role in ('user', 'owner')),
    locale text not null default 'en'
);
create function public.on_signup() returns trigger language plpgsql security definer as $$
declare workspace uuid;
begin
    insert into public.profiles (user_id, display_name, user_role, locale)
        select new.id, coalesce(new.raw_user_meta_data ->> 'name', 'somebody'), 'user', 'de';
    insert into public.workspaces (owner_id, name) values (new.id, 'Mine')
        returning id into workspace;
    insert into public.members values (workspace, new.id);
    return new;
end $$;
create trigger signup after insert on auth.users for each row execute function public.on_signup();
"""

QUOTED = """
create table public."UserProfiles" (
    "userId" uuid primary key references auth.users (id),
    "eMail" text, "fullName" text, "true" text, "Plan: \n# x" text not null default 'free');
create function public."newUser"() returns trigger language plpgsql as $$
begin
    insert into "UserProfiles" ("userId", "eMail", "fullName", "true", "Plan: \n# x")
    values (NEW."id", NEW.email, (NEW.raw_user_meta_data->>'full_name'), lower(NEW.email),
        'it''s; free');
    return NEW;
end $$;
create trigger "New User" after insert on auth.users for each row
    execute function public."newUser"();
"""

OTHER_SCHEMA = """
create schema app;
create table app.accounts (
    user_id uuid primary key references auth.users (id), email text not null, full_name text,
    is_active boolean not null default true);
create table public.posts (id uuid primary key, author_id uuid references auth.users (id));
"""

TWO = """
create table public.profiles (id uuid primary key references auth.users (id), full_name text);
create table public.settings (user_id uuid primary key references auth.users (id), theme text);
"""

NO_SOURCE = """
create table public.profiles (
    id uuid primary key references auth.users (id), tenant integer not null, handle text not null);
"""


@dataclass
class Look:
    """What is proposed, as text and as settings."""

    text: str
    settings: Settings

    @property
    def profiles(self) -> tuple[ProfileTable, ...]:
        return self.settings.profiles

    @property
    def first(self) -> ProfileTable:
        (one,) = self.profiles
        return one

    @property
    def columns(self) -> dict[str, str]:
        return {name: source.describe() for name, source in self.first.columns.items()}


def look(app: App, schema: str = "") -> Look:
    """Look at a schema; the text is a file that can be read."""
    app.rows("drop table public.user_profiles cascade")
    if schema:
        app.rows(schema)
    run = app.run("init.look", task="init")
    assert run.exit_code == 0, run.error
    return Look(run.statements, config.read_text(run.statements).settings)


def works(app: App, found: Look) -> None:
    """With the columns of the proposal every missing user gets a profile."""
    # Beside a trigger of the app's own its function would make them.
    app.configure(found.text.replace("create: own_function", "create: columns", 1))
    summary = app.synced()
    assert summary.failed == 0
    assert app.status().missing == 0


def test_of_the_documented_table(app: App) -> None:
    """Supabase's own guide: the columns are those that its function fills, and it is the writer."""
    app.user(raw_user_meta_data={"full_name": "Anna"})
    found = look(app, DOCUMENTED)
    assert found.first.name == "public.profiles(id)"
    assert found.columns == {
        "full_name": "user_metadata.full_name",
        "avatar_url": "user_metadata.avatar_url",
    }
    assert "on_auth_user_created (on, after insert) calls public.handle_new_user()" in found.text
    assert "insert into public.profiles" in found.text
    assert "installs no second one" in found.text
    assert (found.settings.trigger, found.first.create) == ("keep", "own_function")
    works(app, found)
    assert app.one("select full_name from public.profiles") == "Anna"


def test_of_a_table_of_names(app: App) -> None:
    """NOT NULL columns have a source, an enum is the list of roles, a swallowed error is told."""
    app.users(2)
    found = look(app, USERNAMES)
    assert found.first.name == "public.users(id)"
    assert found.columns["email"] == "email"
    assert "split_part(u.email" in found.columns["username"]
    role = found.first.role
    assert role is not None
    assert (role.column, role.default) == ("role", "member")
    assert role.allowed == ("member", "moderator", "admin")
    assert "swallows errors" in found.text
    works(app, found)


def test_a_name_that_no_two_may_have_gets_a_number(app: App) -> None:
    """Where columns make the profiles, the second anna gets one too; with the function not."""
    for domain in ("example.com", "example.org"):
        app.user(email=f"anna@{domain}")
    found = look(app, USERNAMES)
    assert found.columns["username"].endswith("unique: suffix}")
    assert found.columns["email"] == "email"
    app.configure(found.text)
    assert app.synced().failed == 0
    assert [row["username"] for row in app.rows("select username from users order by 1")] == [
        "anna", "anna_2",
    ]  # fmt: skip


@pytest.mark.parametrize("asks", ["the condition", "the function", "nobody"])
def test_who_is_anonymous_is_asked_or_not(app: App, asks: str) -> None:
    """A trigger that makes no difference gives them a profile, so they need one."""
    there = {
        "the condition": ("    for each row", "    for each row when (not new.is_anonymous)"),
        "the function": ("begin\n", "begin\n    if new.is_anonymous then return new; end if;\n"),
        "nobody": ("", ""),
    }[asks]
    found = look(app, DOCUMENTED.replace(*there))
    assert found.settings.users.anonymous == (asks == "nobody")
    assert ("anonymous" in found.text) == (asks == "nobody")


def test_of_a_key_beside_an_id(app: App) -> None:
    """The key is the column that refers to the user; other tables of the function are told."""
    app.user()
    found = look(app, WORKSPACES)
    assert found.first.name == "public.profiles(user_id)"
    assert found.columns == {
        "display_name": "[user_metadata.name, {literal: somebody}]",
        "locale": "{literal: de}",
    }
    role = found.first.role
    assert role is not None
    assert (role.column, role.allowed) == ("user_role", ("user", "owner"))
    assert "insert into public.workspaces" in found.text
    assert "Also found" not in found.text
    works(app, found)


def test_of_quoted_names(app: App) -> None:
    """Names in capitals, with YAML's own signs in them, are read back letter by letter."""
    app.user(raw_user_meta_data={"full_name": "Anna"})
    found = look(app, QUOTED)
    assert found.first.name == "public.UserProfiles(userId)"
    assert found.columns == {
        "eMail": "email",
        "fullName": "user_metadata.full_name",
        "true": "{sql: lower(u.email)}",
        "Plan: \n# x": "{literal: it's; free}",
    }
    assert "with the rights of whoever signs up" in found.text
    works(app, found)


def test_of_another_schema_without_a_trigger(app: App) -> None:
    """Without a function columns are known by their names, and that no trigger acts is told."""
    app.users(2)
    found = look(app, OTHER_SCHEMA)
    assert found.first.name == "app.accounts(user_id)"
    assert found.columns == {
        "email": "email",
        "full_name": "[user_metadata.full_name, user_metadata.name]",
    }
    assert "No trigger on auth.users acts at sign-up" in found.text
    assert "posts" not in found.text
    works(app, found)


def test_of_no_table_at_all(app: App) -> None:
    """Without any table the file says so, and changes nothing of what holds without one."""
    found = look(app)
    assert "No table has one row per user" in found.text
    assert found.first == config.DEFAULT_PROFILE


def test_of_two_candidates(app: App) -> None:
    """The likelier one is taken, the other stands beside it as a comment with the reason."""
    found = look(app, TWO)
    assert found.first.name == "public.profiles(id)"
    assert "# Also found, and left out, since less speaks for it" in found.text
    assert "table: settings" in found.text


def test_of_a_column_without_a_source(app: App) -> None:
    """What must not be missing and has no source is named, and not guessed."""
    found = look(app, NO_SOURCE)
    assert "tenant: NOT NULL without a default" in found.text
    assert "tenant" not in found.columns
    assert "handle" in found.columns


def test_a_role_from_metadata_is_not_believed(app: App) -> None:
    """A role that users may choose themselves is proposed as the column's default, and told."""
    found = look(
        app,
        DOCUMENTED.replace("website text,", "website text, role text default 'reader',")
        .replace("full_name, avatar_url)", "full_name, role)")
        .replace("'avatar_url'", "'role'"),
    )
    assert found.first.role is not None
    assert found.first.role.default == "reader"
    assert "which users write themselves" in found.text


def test_an_expression_of_variables_is_not_proposed(app: App) -> None:
    """What only the function knows is named with what Postgres says of it."""
    found = look(
        app,
        DOCUMENTED.replace("new.raw_user_meta_data->>'full_name'", "made_up").replace(
            "as $$\nbegin", "as $$\ndeclare made_up text := 'x';\nbegin"
        ),
    )
    assert "full_name" not in found.columns
    assert "made_up" in found.text


def test_a_writer_behind_another_function_is_seen(app: App) -> None:
    """A trigger whose function calls the one that inserts is the writer too, and told when off."""
    found = look(
        app,
        """
        create table public.people (id uuid primary key references auth.users (id));
        create function public.make(one uuid) returns void language sql
            as $$ insert into public.people (id) values (one) $$;
        create function public.called() returns trigger language plpgsql
            as $$ begin perform public.make(new.id); return new; end $$;
        create trigger outer_one after insert on auth.users
            for each row execute function public.called();
        """,
    )
    assert "is written at sign-up by outer_one (public.called())" in found.text
    assert "installs no second one" in found.text


def test_a_trigger_that_is_off_is_told(app: App, database: Database) -> None:
    """A disabled trigger of the app's own is still its writer, and said to be off."""
    app.rows(DOCUMENTED)
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute("alter table auth.users disable trigger on_auth_user_created")
    found = look(app)
    assert "(off, after insert)" in found.text
    assert "It is off" in found.text
    assert (found.settings.trigger, found.first.create) == ("keep", "own_function")


#: A function that catches all errors, and writes one table from what can be said as a source.
SWALLOWS = DOCUMENTED.replace(
    "return new;\nend", "return new;\nexception when others then return new;\nend"
)

CHOICES = {
    "it asks where it stands": (
        DOCUMENTED.replace("begin\n", "begin\n    raise log 'on %', tg_table_name;\n"),
        ("columns", "asks on which table it stands"),
    ),
    "it swallows": (SWALLOWS, ("columns", "swallows errors, and from columns a failure has its")),
    "it swallows and makes other rows": (
        SWALLOWS.replace("begin\n", "begin\ninsert into public.notes values (new.id);\n")
        + "create table public.notes (id uuid);",
        ("own_function", "swallows errors: who gets no profile fails without a reason"),
    ),
    "it swallows, and only it knows a value": (
        USERNAMES.replace("split_part(new.email, '@', 1)", "name"),
        ("own_function", "swallows errors: who gets no profile fails without a reason"),
    ),
    "it does more than columns say": (WORKSPACES, ("own_function", "equals a signed-up one")),
}


@pytest.mark.parametrize(("schema", "choice"), CHOICES.values(), ids=CHOICES)
def test_how_profiles_are_made_is_chosen(app: App, schema: str, choice: tuple[str, str]) -> None:
    """By the app's function, or from columns where that says as much and more; with the reason."""
    found = look(app, schema)
    assert found.settings.trigger == "keep"
    create, why = choice
    (line,) = [one for one in found.text.splitlines() if one.startswith("    create: ")]
    assert line.startswith(f"    create: {create}  # ")
    assert why in line
    app.configure(found.text)
    app.users(2, email=None)
    app.rows(f"delete from {found.first.schema_name}.{found.first.table}")
    _, plan = app.plan()
    assert plan.rows == 2


def test_a_paused_function_is_still_the_writer(app: App) -> None:
    """While it is paused its saved body says what it writes, and how profiles are made is open."""
    app.rows(DOCUMENTED)
    paused = app.run("migration.pause", task="migration.pause", function=None)
    assert paused.exit_code == 0, paused.error
    found = look(app)
    assert "(paused, after insert)" in found.text
    assert found.settings.trigger == "keep"
    assert found.first.create is None
    assert "# create: left open, since public.handle_new_user() is paused" in found.text
    assert set(found.columns) == {"full_name", "avatar_url"}
    works(app, found)


def test_our_own_trigger_is_no_app_s(app: App) -> None:
    """Beside the trigger of usersync nothing is to be kept: the default is right."""
    applied(app)
    text = app.run("init.look", task="init").statements
    settings = config.read_text(text).settings
    assert (settings.trigger, settings.profiles[0].create) == (None, None)
    assert "The trigger of usersync makes the profiles" in text
    assert "app's own trigger" not in text


def test_a_trigger_that_acts_on_updates_alone_makes_no_sign_up(app: App) -> None:
    """Of profiles made at a confirmation it is said that no sign-up makes them."""
    found = look(
        app,
        DOCUMENTED.replace("after insert on auth.users", "after update on auth.users"),
    )
    assert (found.settings.trigger, found.first.create) == ("none", None)
    assert "on_auth_user_created (on, after update)" in found.text


@pytest.mark.parametrize("name", ["a\nb: c", "x # y", "\u202ex", "{{ y }}"])
def test_a_hostile_name_stays_in_its_line(app: App, name: str) -> None:
    """Whatever a table is called, the file can be read, and says what it is called."""
    quoted = '"{}"'.format(name.replace('"', '""'))
    found = look(app, f"create table public.{quoted} (id uuid primary key references auth.users)")
    assert found.first.table == name


def test_it_writes_nothing(app: App) -> None:
    """Looking leaves no row and no object, and finds the table of the operators' own app."""
    written = "select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables"
    before = app.one("select count(*) from pg_class"), app.one(written)
    text = app.run("init.look", task="init").statements
    assert config.read_text(text).settings.profiles[0].name == "public.user_profiles(user_id)"
    assert (app.one("select count(*) from pg_class"), app.one(written)) == before


def test_over_the_api_it_is_refused(over: App) -> None:
    """The API does not show the catalog: exit 3, with the way that does."""
    run = over.run("init.look", task="init")
    assert run.exit_code == 3
    assert run.next_steps
