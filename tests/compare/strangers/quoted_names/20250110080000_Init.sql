BEGIN;

CREATE SCHEMA "App";
CREATE TYPE "App"."Role" AS ENUM ('OWNER', 'GUEST; or so');

CREATE TABLE "App"."UserProfile" (
    "userId" UUID NOT NULL PRIMARY KEY REFERENCES auth.users ("id") ON DELETE CASCADE,
    "fullName" TEXT,
    "Role" "App"."Role" NOT NULL DEFAULT 'OWNER',
    "createdAt" TIMESTAMPTZ NOT NULL DEFAULT NOW()
);
ALTER TABLE "App"."UserProfile" ENABLE ROW LEVEL SECURITY;

COMMIT;

BEGIN;
CREATE FUNCTION "App"."onSignUp"() RETURNS TRIGGER AS $body$
BEGIN
    /* a comment; with a semicolon, and /* one inside */ */
    INSERT INTO "App"."UserProfile" ("userId", "fullName")
    VALUES (NEW.id, NEW.raw_user_meta_data->>'full_name');
    RETURN NEW;
END
$body$ LANGUAGE plpgsql SECURITY DEFINER SET search_path = '';
REVOKE EXECUTE ON FUNCTION "App"."onSignUp"() FROM PUBLIC;
COMMIT;

CREATE TRIGGER "Sign Up" AFTER INSERT ON auth.users FOR EACH ROW EXECUTE PROCEDURE "App"."onSignUp"();
