package transfer

import (
	"context"
	"fmt"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/site"
)

func (im *importer) importedComment(c *BundleComment) site.Comment {
	row := site.Comment{
		ID: c.ID, Post: c.Post, Parent: c.Parent, UserID: c.UserID, Status: c.Status, Type: c.Type, Author: c.Author, Email: c.Email, URL: c.URL, IP: c.IP,
		Agent: c.Agent, Content: c.Content, Date: c.Date.Time, DateGMT: c.DateGMT.Time,
	}
	if c.Date.IsZero() {
		row.Date = im.zone.Local(row.DateGMT)
	}
	if c.DateGMT.IsZero() {
		row.DateGMT = im.zone.UTC(row.Date)
	}
	return row
}

func (im *importer) importComments(ctx context.Context) error {
	comments := im.bundle.Comments
	ids := idsOf(comments, func(c *BundleComment) int64 { return c.ID })
	wanted := make(map[int64]site.Comment, len(ids))
	for i := range comments {
		wanted[comments[i].ID] = im.importedComment(&comments[i])
	}
	there, same := map[int64]bool{}, map[int64]bool{}
	err := database.SelectIn(ctx, im.tx, `SELECT `+site.CommentColumns+` FROM comments WHERE id IN (?)`, ids, func(c site.Comment) {
		there[c.ID], same[c.ID] = true, c.Equal(wanted[c.ID])
	})
	if err != nil {
		return fmt.Errorf("read the comments: %w", err)
	}
	if err := im.checkComments(ctx); err != nil {
		return err
	}
	changed := map[int64]bool{}
	owners := make([]metaOwner, 0, len(comments))
	for _, c := range comments {
		owners = append(owners, metaOwner{c.ID, c.Meta})
		if same[c.ID] {
			continue
		}
		if err := im.writeComment(ctx, wanted[c.ID], there[c.ID]); err != nil {
			return err
		}
		changed[c.ID] = true
	}
	if err := im.importMeta(ctx, metaOfComments, owners, changed); err != nil {
		return err
	}
	for _, id := range ids {
		im.report.Comments.add(there[id], changed[id])
	}
	return nil
}

func (im *importer) writeComment(ctx context.Context, c site.Comment, known bool) error {
	query := `INSERT INTO comments (` + site.CommentColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`
	if known {
		query = `UPDATE comments SET post_id = $2, parent = $3, user_id = $4, status = $5, type = $6, author = $7, email = $8, url = $9, ip = $10,
			agent = $11, content = $12, date = $13, date_gmt = $14 WHERE id = $1`
	}
	_, err := im.tx.Exec(ctx, query, c.ID, c.Post, c.Parent, c.UserID, c.Status, c.Type, c.Author, c.Email, c.URL, c.IP, c.Agent, c.Content, c.Date, c.DateGMT)
	if err != nil {
		return fmt.Errorf("write comment %d: %w", c.ID, err)
	}
	return nil
}

// checkComments rejects comments whose post or user does not exist. Their
// parent may be missing.
func (im *importer) checkComments(ctx context.Context) error {
	users := map[int64]bool{}
	posts := make([]int64, 0, len(im.bundle.Comments))
	seen := map[int64]bool{}
	for _, c := range im.bundle.Comments {
		users[c.UserID] = true
		if !seen[c.Post] {
			seen[c.Post] = true
			posts = append(posts, c.Post)
		}
	}
	knownPosts := make(map[int64]bool, len(posts))
	if err := database.SelectIn(ctx, im.tx, `SELECT id FROM posts WHERE id IN (?)`, posts, func(id int64) { knownPosts[id] = true }); err != nil {
		return fmt.Errorf("look for the posts of comments: %w", err)
	}
	knownUsers, err := im.knownUsers(ctx, users)
	if err != nil {
		return err
	}
	for _, c := range im.bundle.Comments {
		if !knownPosts[c.Post] {
			return &BundleError{fmt.Sprintf("comment %d", c.ID), "post", fmt.Sprintf("there is no post %d", c.Post)}
		}
		if !knownUsers[c.UserID] {
			return &BundleError{fmt.Sprintf("comment %d", c.ID), "user_id", fmt.Sprintf("there is no user %d", c.UserID)}
		}
	}
	return nil
}
