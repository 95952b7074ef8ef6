package public

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// reusable matches a reusable block (wp:block) in a text of the block editor.
var reusable = regexp.MustCompile(`<!--\s+wp:(?:core/)?block\s+(\{[^>]*?\})\s+/-->`)

const (
	maxBlocks     = 100     // the largest number of reusable blocks on a page
	maxBlockBytes = 1 << 20 // the largest size of all of them
	maxBlockDepth = 5       // the largest depth of blocks inside others
)

// blockRefs returns the ids of the first maxBlocks reusable blocks that a text
// refers to.
func blockRefs(content string) []int64 {
	if !strings.Contains(content, "block ") {
		return nil
	}
	var ids []int64
	for _, m := range reusable.FindAllStringSubmatch(content, maxBlocks) {
		if id := blockRef(m[1]); id > 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

func blockRef(attributes string) int64 {
	var block struct {
		Ref int64 `json:"ref"`
	}
	if json.Unmarshal([]byte(attributes), &block) != nil {
		return 0
	}
	return block.Ref
}

// readBlocks reads the reusable blocks of texts, including those inside other
// blocks.
func (a *album) readBlocks(ctx context.Context, texts []text) error {
	var ids []int64
	for _, t := range texts {
		ids = append(ids, blockRefs(t.content)...)
	}
	for range maxBlockDepth {
		ids = slices.DeleteFunc(ids, func(id int64) bool { _, known := a.blocks[id]; return known })
		slices.Sort(ids)
		ids = slices.Compact(ids)
		if ids = ids[:min(len(ids), maxBlocks)]; len(ids) == 0 {
			return nil
		}
		found, err := a.p.site.ReusableBlocks(ctx, ids)
		if err != nil {
			return err
		}
		if a.blocks == nil {
			a.blocks = make(map[int64]string)
		}
		var next []int64
		for _, id := range ids {
			a.blocks[id] = found[id] // empty if it does not exist, so that it is not read again
			next = append(next, blockRefs(found[id])...)
		}
		ids = next
	}
	return nil
}

// putBlocks inserts the reusable blocks into a text. A block is not shown
// inside itself.
func (a *album) putBlocks(content string) string {
	if len(a.blocks) == 0 {
		return content
	}
	count, size := 0, 0
	var put func(content string, inside []int64) string
	put = func(content string, inside []int64) string {
		return reusable.ReplaceAllStringFunc(content, func(mark string) string {
			id := blockRef(reusable.FindStringSubmatch(mark)[1])
			block := a.blocks[id]
			if count++; block == "" || count > maxBlocks || size+len(block) > maxBlockBytes || len(inside) >= maxBlockDepth || slices.Contains(inside, id) {
				return ""
			}
			size += len(block)
			return put(block, append(inside, id))
		})
	}
	return put(content, nil)
}
