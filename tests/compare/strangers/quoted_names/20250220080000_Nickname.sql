BEGIN;
ALTER TABLE "App"."UserProfile" ADD COLUMN "nickName" TEXT;
COMMENT ON COLUMN "App"."UserProfile"."nickName" IS 'what others call them; it''s theirs';
COMMIT;
