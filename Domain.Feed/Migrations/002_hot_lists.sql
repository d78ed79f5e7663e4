-- The hottest posts of one type, and of one author: without these every page would sort all of them.
CREATE INDEX posts_type_hot ON posts (type, like_count DESC, id DESC);
CREATE INDEX posts_uid_hot ON posts (uid, like_count DESC, id DESC);
