package wordpress

// methods is the table of everything that WordPress registers, and of what this server adds to it. A new method is
// one row here and one function in the file of its noun.
var methods = []method{
	// wp_users.go
	{name: "wp.getUsersBlogs", shape: "string string → array", login: 0, min: 2, help: "The blogs that the caller may write to.", do: (*API).getUsersBlogs},
	{name: "wp.getUser", shape: "int string string int [array → struct", login: 1, min: 4, help: "One user.", do: (*API).getUser},
	{name: "wp.getUsers", shape: "int string string [struct [array → array", login: 1, min: 3, help: "Users, filtered.", do: (*API).getUsers},
	{name: "wp.getProfile", shape: "int string string [array → struct", login: 1, min: 3, help: "The caller's own profile.", do: (*API).getProfile},
	{name: "wp.editProfile", shape: "int string string struct → boolean", login: 1, min: 4, help: "Changes the caller's own profile.", do: (*API).editProfile},
	{name: "wp.getAuthors", shape: "int string string → array", login: 1, help: "The users who may write posts.", do: (*API).getAuthors},
	// wp_posts.go
	{name: "wp.newPost", shape: "int string string struct → string", login: 1, min: 4, help: "Creates a post of any type; the result is its id.", do: (*API).newPost},
	{name: "wp.editPost", shape: "int string string int struct → boolean", login: 1, min: 5, help: "Changes the given members of a post.", do: (*API).editPost},
	{name: "wp.deletePost", shape: "int string string int → boolean", login: 1, min: 4, help: "Moves a post to the trash, or deletes it when it is there.", do: (*API).deletePost},
	{name: "wp.getPost", shape: "int string string int [array → struct", login: 1, min: 4, help: "One post.", do: (*API).getPost},
	{name: "wp.getPosts", shape: "int string string [struct [array → array", login: 1, min: 3, help: "Posts, filtered.", do: (*API).getPosts},
	{name: "wp.getRevisions", shape: "int string string int [array → array", login: 1, min: 4, help: "The revisions of a post.", do: (*API).getRevisions},
	{name: "wp.restoreRevision", shape: "int string string int → boolean", login: 1, min: 3, help: "Brings a post back to a revision.", do: (*API).restoreRevision},
	{name: "wp.getPostFormats", shape: "int string string [struct → struct", login: 1, min: 3, help: "The post formats and their names.", do: (*API).getPostFormats},
	{name: "wp.getPostType", shape: "int string string string [array → struct", login: 1, min: 4, help: "One post type.", do: (*API).getPostType},
	{name: "wp.getPostTypes", shape: "int string string [struct [array → struct", login: 1, min: 3, help: "The post types, filtered.", do: (*API).getPostTypes},
	{name: "wp.getPostStatusList", shape: "int string string → struct", login: 1, help: "The statuses a post may have.", do: (*API).getPostStatusList},
	// wp_terms.go
	{name: "wp.newTerm", shape: "int string string struct → string", login: 1, min: 4, help: "Creates a term; the result is its id.", do: (*API).newTerm},
	{name: "wp.editTerm", shape: "int string string int struct → boolean", login: 1, min: 5, help: "Changes a term.", do: (*API).editTerm},
	{name: "wp.deleteTerm", shape: "int string string string int → boolean", login: 1, min: 5, help: "Deletes a term.", do: (*API).deleteTerm},
	{name: "wp.getTerm", shape: "int string string string int → struct", login: 1, min: 5, help: "One term.", do: (*API).getTerm},
	{name: "wp.getTerms", shape: "int string string string [struct → array", login: 1, min: 4, help: "The terms of a taxonomy, filtered.", do: (*API).getTerms},
	{name: "wp.getTaxonomy", shape: "int string string string [array → struct", login: 1, min: 4, help: "One taxonomy.", do: (*API).getTaxonomy},
	{name: "wp.getTaxonomies", shape: "int string string [struct [array → array", login: 1, min: 3, help: "The taxonomies.", do: (*API).getTaxonomies},
	{name: "wp.getTags", shape: "int string string → array", login: 1, help: "The tags that posts use.", do: (*API).getTags},
	{name: "wp.newCategory", shape: "int string string struct → int", login: 1, help: "Creates a category; the result is its id.", do: (*API).newCategory},
	{name: "wp.deleteCategory", shape: "int string string int → boolean", login: 1, help: "Deletes a category.", do: (*API).deleteCategory},
	{name: "wp.suggestCategories", shape: "int string string string int → array", login: 1, help: "Categories with the given text in their names.", do: (*API).suggestCategories},
	// wp_pages.go
	{name: "wp.getPage", shape: "int int string string → struct", login: 2, help: "One page.", do: (*API).getPage},
	{name: "wp.getPages", shape: "int string string [int → array", login: 1, help: "The newest pages.", do: (*API).getPages},
	{name: "wp.newPage", shape: "int string string struct [boolean → string", login: 1, help: "Creates a page; the result is its id.", do: (*API).newPage},
	{name: "wp.editPage", shape: "int int string string struct [boolean → boolean", login: 2, help: "Changes a page.", do: (*API).editPage},
	{name: "wp.deletePage", shape: "int string string int → boolean", login: 1, help: "Deletes a page.", do: (*API).deletePage},
	{name: "wp.getPageList", shape: "int string string → array", login: 1, help: "All pages with title, parent and date.", do: (*API).getPageList},
	{name: "wp.getPageStatusList", shape: "int string string → struct", login: 1, help: "The statuses a page may have.", do: (*API).getPageStatusList},
	{name: "wp.getPageTemplates", shape: "int string string → struct", login: 1, help: "The page templates of the theme.", do: (*API).getPageTemplates},
	// wp_comments.go
	{name: "wp.getComment", shape: "int string string int → struct", login: 1, help: "One comment.", do: (*API).getComment},
	{name: "wp.getComments", shape: "int string string [struct → array", login: 1, help: "Comments, filtered.", do: (*API).getComments},
	{name: "wp.deleteComment", shape: "int string string int → boolean", login: 1, help: "Moves a comment to the trash, or deletes it when it is there.", do: (*API).deleteComment},
	{name: "wp.editComment", shape: "int string string int struct → boolean", login: 1, help: "Changes a comment.", do: (*API).editComment},
	{name: "wp.newComment", shape: "int string string int struct → int", login: 1, mode: loginOptional, help: "Adds a comment to a post; the result is its id.", from: (*API).newComment},
	{name: "wp.getCommentStatusList", shape: "int string string → struct", login: 1, help: "The statuses a comment may have.", do: (*API).getCommentStatusList},
	{name: "wp.getCommentCount", shape: "int string string int → struct", login: 1, help: "The numbers of a post's comments by status.", do: (*API).getCommentCount},
	// wp_options.go
	{name: "wp.getOptions", shape: "int string string [array → struct", login: 1, help: "Site options with value, description and whether the caller may change them.", do: (*API).getOptions},
	{name: "wp.setOptions", shape: "int string string struct → struct", login: 1, help: "Changes site options; the result shows those that were named.", do: (*API).setOptions},
	// wp_media.go
	{name: "wp.getMediaItem", shape: "int string string int → struct", login: 1, help: "One uploaded file.", do: (*API).getMediaItem},
	{name: "wp.getMediaLibrary", shape: "int string string [struct → array", login: 1, help: "Uploaded files, filtered.", do: (*API).getMediaLibrary},
	{name: "wp.deleteFile", shape: "int string string int → boolean", login: 1, min: 4, help: "Deletes an uploaded file.", do: (*API).deleteFile},
	{name: "metaWeblog.newMediaObject", aliases: []string{"wp.uploadFile"}, shape: "int string string struct → struct", login: 1, help: "Stores a file; the result has its id and URL.", do: (*API).newMediaObject},
	// blogger.go
	{name: "blogger.getUsersBlogs", aliases: []string{"metaWeblog.getUsersBlogs"}, shape: "string string string → array", login: 1, help: "The blogs that the caller may write to.", do: (*API).bloggerGetUsersBlogs},
	{name: "blogger.getUserInfo", shape: "string string string → struct", login: 1, help: "Names and addresses of the caller.", do: (*API).bloggerGetUserInfo},
	{name: "blogger.getPost", shape: "string string string string → struct", login: 2, help: "One post, its parts in one text.", do: (*API).bloggerGetPost},
	{name: "blogger.getRecentPosts", shape: "string string string string [int → array", login: 2, help: "The newest posts.", do: (*API).bloggerGetRecentPosts},
	{name: "blogger.newPost", shape: "string string string string string boolean → int", login: 2, help: "Creates a post out of one text; the result is its id.", do: (*API).bloggerNewPost},
	{name: "blogger.editPost", shape: "string string string string string boolean → boolean", login: 2, help: "Changes the text of a post.", do: (*API).bloggerEditPost},
	{name: "blogger.deletePost", aliases: []string{"metaWeblog.deletePost"}, shape: "string string string string [boolean → boolean", login: 2, help: "Moves a post to the trash, or deletes it when it is there.", do: (*API).bloggerDeletePost},
	// metaweblog.go
	{name: "metaWeblog.newPost", shape: "string string string struct [boolean → string", login: 1, help: "Creates a post; the result is its id.", do: (*API).metaWeblogNewPost},
	{name: "metaWeblog.editPost", shape: "string string string struct [boolean → boolean", login: 1, help: "Changes a post.", do: (*API).metaWeblogEditPost},
	{name: "metaWeblog.getPost", shape: "string string string → struct", login: 1, help: "One post.", do: (*API).metaWeblogGetPost},
	{name: "metaWeblog.getRecentPosts", shape: "string string string [int → array", login: 1, help: "The newest posts.", do: (*API).metaWeblogGetRecentPosts},
	{name: "metaWeblog.getCategories", aliases: []string{"wp.getCategories"}, shape: "string string string → array", login: 1, help: "All categories.", do: (*API).metaWeblogGetCategories},
	// movabletype.go
	{name: "mt.getRecentPostTitles", shape: "string string string [int → array", login: 1, help: "The newest posts without their texts.", do: (*API).mtGetRecentPostTitles},
	{name: "mt.getCategoryList", shape: "string string string → array", login: 1, help: "All categories, ids and names.", do: (*API).mtGetCategoryList},
	{name: "mt.getPostCategories", shape: "string string string → array", login: 1, help: "The categories of a post.", do: (*API).mtGetPostCategories},
	{name: "mt.setPostCategories", shape: "string string string array → boolean", login: 1, help: "Replaces the categories of a post.", do: (*API).mtSetPostCategories},
	{name: "mt.publishPost", shape: "string string string → int", login: 1, help: "Publishes a post.", do: (*API).mtPublishPost},
	{name: "mt.supportedMethods", shape: "→ array", login: noLogin, help: "The names of all methods.", do: (*API).mtSupportedMethods},
	{name: "mt.supportedTextFilters", shape: "→ array", login: noLogin, help: "The text filters; there are none.", do: (*API).mtSupportedTextFilters},
	{name: "mt.getTrackbackPings", shape: "string → array", login: noLogin, help: "The pingbacks and trackbacks of a post.", do: (*API).mtGetTrackbackPings},
	// pingback.go
	{name: "pingback.ping", shape: "string string → string", login: noLogin, help: "Tells this blog of a page that links to one of its posts.", from: (*API).pingbackPing},
	{name: "pingback.extensions.getPingbacks", shape: "string → array", login: noLogin, help: "The pages that link to a post.", do: (*API).pingbackGetPingbacks},
	// applications.go
	{name: "xmlrpcs.createApplication", shape: "int string string string → struct", login: 1, min: 4, mode: loginPassword, help: "Makes an application key; the secret is answered this once.", do: (*API).createApplication},
}
