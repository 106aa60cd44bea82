-- does: takes the table of before-images out
-- locks: this table only
-- rerun: safe
-- loses: the before-images
drop table if exists {ours}.before_images;
