package simulator

import (
	"encoding/json"
	"iter"
)

// OrgContactLen returns how many directory contacts there are, the deleted not counted.
func (d *Directory) OrgContactLen() int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.shelf(contactKind).live
}

// OrgContacts yields id and resource of every directory contact in the order of their creation, the deleted left out. A
// resource is what PutOrgContact and Load take: @odata.type and all properties the contact has.
//
// Contacts that appear while it runs may be missed. It holds no lock while the loop's body runs, which may change the
// directory.
func (d *Directory) OrgContacts() iter.Seq2[string, json.RawMessage] { return d.objects(contactKind) }

// Devices yields id and resource of every device, as OrgContacts does. They come from files alone.
func (d *Directory) Devices() iter.Seq2[string, json.RawMessage] { return d.objects(deviceKind) }

// ServicePrincipals yields id and resource of every service principal, as OrgContacts does. They come from files alone.
func (d *Directory) ServicePrincipals() iter.Seq2[string, json.RawMessage] {
	return d.objects(principalKind)
}

// PutOrgContact creates the directory contact whose resource it is given, or replaces it: a property that is not given any
// more becomes null. A deleted contact is restored with what is given. id and displayName have to be there.
func (d *Directory) PutOrgContact(contact []byte) error { return d.putObject(contactKind, contact) }

// PatchOrgContact sets the given properties of a directory contact; null clears one. What is set to the value it has
// already is no change. The id cannot be changed.
func (d *Directory) PatchOrgContact(id string, props []byte) error {
	return d.patchObject(contactKind, id, props)
}

// DeleteOrgContact moves a directory contact among the deleted: delta says "changed". It stays a member of its groups.
func (d *Directory) DeleteOrgContact(id string) error { return d.deleteObject(contactKind, id) }

// RestoreOrgContact brings a deleted directory contact back.
func (d *Directory) RestoreOrgContact(id string) error { return d.restoreObject(contactKind, id) }

// PurgeOrgContact removes a directory contact for good, deleted before or not: delta says "deleted", and it is a member of
// no group any more.
func (d *Directory) PurgeOrgContact(id string) error { return d.purgeObject(contactKind, id) }
