package wordpress

import (
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// termStruct writes a term in the form of wp.getTerm, with its custom fields,
// including protected ones.
func termStruct(t site.Term, customFields []site.CustomField) xmlrpc.Value {
	list := make([]xmlrpc.Value, len(customFields))
	for i, f := range customFields {
		list[i] = fieldStruct(f)
	}
	return xmlrpc.Struct(
		xmlrpc.M("term_id", idText(t.ID)),
		xmlrpc.M("name", xmlrpc.String(t.Name)),
		xmlrpc.M("slug", xmlrpc.String(t.Slug)),
		xmlrpc.M("term_group", idText(t.Group)),
		xmlrpc.M("term_taxonomy_id", idText(t.ID)),
		xmlrpc.M("taxonomy", xmlrpc.String(t.Taxonomy)),
		xmlrpc.M("description", xmlrpc.String(t.Description)),
		xmlrpc.M("parent", idText(t.Parent)),
		xmlrpc.M("count", xmlrpc.Int(t.Count)),
		xmlrpc.M("filter", xmlrpc.String("raw")),
		xmlrpc.M("custom_fields", xmlrpc.Array(list...)))
}
